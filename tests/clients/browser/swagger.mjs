// Opens Swagger UI in a headless browser as an admin: authorises, and tries every operation.
// usage: node swagger.mjs http://127.0.0.1:PORT ACCESS_TOKEN REFRESH_TOKEN SCREENSHOT
import { chromium } from 'playwright-core';

const [base, accessToken, refreshToken, screenshot] = process.argv.slice(2);
const description = await (await fetch(`${base}/openapi.json`)).json();

async function call(method, path, body) {
  const headers = { 'content-type': 'application/json', authorization: `Bearer ${accessToken}` };
  const response = await fetch(`${base}/api/v1${path}`, { method, headers, body: body && JSON.stringify(body) });
  if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
  return response.json();
}

const me = await call('GET', '/user/me');
const question = await call('POST', '/question', { title: 'To be tried' });
const answer = await call('POST', '/answer', { description: 'And answered', questionID: question.id });
const other = await call('POST', '/auth/signup', {
  username: 'other', email: 'other@example.org', password: 'seven wooden marbles',
});

// Values where the document's own example does not apply, and the expected status if not 200 or 201.
const [here, there] = [{ id: question.id }, { id: answer.id }];
const notes = {
  // Existing names, other users' objects, and wrong passwords.
  checkUsername: { parameters: { username: 'somebody new' } },
  login: { status: 401 },
  logout: { body: { refreshToken: 'of somebody else' } },
  changePassword: { status: 403 },
  deleteMe: { status: 403 },
  listUsers: {},
  getUser: { parameters: { id: me.id } },
  getIcon: { parameters: { id: me.id } },
  getIconPng: { parameters: { id: me.id } },
  deleteUser: { parameters: { id: other.id } },
  getQuestion: { parameters: here },
  updateQuestion: { parameters: here },
  setQuestionStatus: { parameters: here },
  deleteQuestion: { parameters: here, late: true },
  createAnswer: { body: { description: 'Tried.', questionID: question.id } },
  listAnswers: { parameters: { questionId: question.id } },
  getAnswer: { parameters: there },
  updateAnswer: { parameters: there },
  deleteAnswer: { parameters: there, late: true },
};

const complaints = [];
const strangers = [];
// Expected errors are printed to the browser's console as well.
const expected = (text) => /status of (401|403)/.test(text);

async function authorise(page) {
  await page.locator('.auth-wrapper button.authorize').first().click();
  const dialog = page.locator('.dialog-ux');
  for (const [scheme, token] of [['accessToken', accessToken], ['refreshToken', refreshToken]]) {
    const form = dialog.locator('.auth-container', { hasText: scheme });
    await form.locator('input').fill(token);
    await form.getByRole('button', { name: /apply/i }).click();
  }
  await dialog.getByRole('button', { name: /close/i }).last().click();
}

/** The page shows an operation, its button to try it too, before it has resolved what there is to fill in. */
async function resolved(block, { path, method }) {
  const { parameters = [], requestBody } = description.paths[path][method];
  await block.locator('button.execute').waitFor();
  for (const { name } of parameters) await block.locator(`tr[data-param-name="${name}"]`).waitFor();
  if (requestBody) await block.locator('textarea.body-param__text:not(:empty)').waitFor();
}

async function fillIn(block, { parameters = {}, body }) {
  for (const row of await block.locator('tr[data-param-name]').all()) {
    const name = await row.getAttribute('data-param-name');
    const field = row.locator('input, select').first();
    if (name in parameters) await field.fill(String(parameters[name]));
  }
  if (body) await block.locator('textarea.body-param__text').fill(JSON.stringify(body));
}

/** Tries one operation; what it sent and got. */
async function tryOut(page, operation) {
  const { id, tag, method, path } = operation;
  const block = page.locator(`#operations-${tag}-${id}`);
  await block.locator('.opblock-summary-control').click();
  await resolved(block, operation);
  const note = notes[id] ?? {};
  await fillIn(block, note);
  const template = new RegExp(`^${base}${path.replaceAll('.', '\\.').replaceAll(/\{\w+\}/g, '[^/]+')}(\\?.*)?$`);
  const matches = (response) => template.test(response.url()) && response.request().method() === method.toUpperCase();
  const [response] = await Promise.all([page.waitForResponse(matches), block.locator('button.execute').click()]);
  const good = Object.keys(description.paths[path][method].responses).filter((status) => status.startsWith('2'));
  const status = String(note.status ?? good[0]);
  if (String(response.status()) !== status) {
    throw new Error(`${response.status()}, not ${status}: ${response.request().postData()} ${await response.text()}`);
  }
  await block.locator('.live-responses-table tr.response .response-col_status').first().getByText(status).waitFor();
  if (id === 'me' && !(await response.text()).includes(me.email)) throw new Error("me: not the caller's own data");
  await block.locator('.opblock-summary-control').click();
}

const operations = Object.entries(description.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, o]) => ({ id: o.operationId, tag: o.tags[0], method, path })));
const late = ({ id }) => (notes[id]?.late ? 1 : 0);
operations.sort((a, b) => late(a) - late(b) || (a.id === 'deleteAnswer' ? -1 : 0));

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
    '--disable-component-update', '--disable-sync'],
});
let trying = 'the page';
try {
  const page = await browser.newPage({ viewport: { width: 1200, height: 900 } });
  page.setDefaultTimeout(60_000);
  page.on('console', (m) => m.type() === 'error' && !expected(m.text()) && complaints.push(`${trying}: ${m.text()}`));
  page.on('pageerror', (error) => complaints.push(`${trying}: ${error}`));
  // No request may go to another host.
  await page.route('**/*', (route) => {
    const url = route.request().url();
    if (url.startsWith(base) || url.startsWith('data:') || url.startsWith('blob:')) return route.continue();
    strangers.push(url);
    return route.abort();
  });
  await page.goto(`${base}/api.html`);
  await page.locator('.opblock').first().waitFor();
  await authorise(page);
  for (const operation of operations) {
    trying = operation.id;
    await tryOut(page, operation);
  }
  await page.locator('#operations-Users-me .opblock-summary-control').click();
  await page.locator('#operations-Users-me').scrollIntoViewIfNeeded();
  await page.screenshot({ path: screenshot });
  if (complaints.length > 0) throw new Error(`the browser complained:\n${complaints.join('\n')}`);
  if (strangers.length > 0) throw new Error(`asked elsewhere:\n${strangers.join('\n')}`);
} catch (error) {
  throw new Error(`at ${trying}: ${error}\ncomplaints: ${JSON.stringify(complaints)}\nstrangers: ${JSON.stringify(strangers)}`);
} finally {
  await browser.close();
}
console.log(`tried ${operations.length} operations\nplayed to the end`);
