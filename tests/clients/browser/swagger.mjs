// Opens Swagger UI in a headless browser as a curious person does: reads, signs in, authorises, tries an operation.
// usage: node swagger.mjs http://127.0.0.1:PORT
import { chromium } from 'playwright-core';

const base = process.argv[2];
const email = 'curious@example.org';
const password = 'seven wooden marbles';

async function post(path, body) {
  const response = await fetch(`${base}/api/v1${path}`, {
    method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body),
  });
  if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
  return response.json();
}

await post('/auth/signup', { username: 'curious', email, password });
const { token } = await post('/auth/login', { email, password });

const complaints = [];
const strangers = [];
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
    '--disable-component-update', '--disable-sync'],
});
try {
  const page = await browser.newPage();
  page.setDefaultTimeout(20_000);
  page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()));
  page.on('pageerror', (error) => complaints.push(String(error)));
  // Nothing but this server may be asked for anything.
  await page.route('**/*', (route) => {
    const url = route.request().url();
    if (url.startsWith(base) || url.startsWith('data:') || url.startsWith('blob:')) return route.continue();
    strangers.push(url);
    return route.abort();
  });

  await page.goto(`${base}/api.html`);
  await page.locator('.opblock').first().waitFor();

  await page.locator('.auth-wrapper button.authorize').first().click();
  const dialog = page.locator('.dialog-ux');
  await dialog.locator('input').first().fill(token);
  await dialog.getByRole('button', { name: /apply/i }).first().click();
  await dialog.getByRole('button', { name: /close/i }).last().click();

  const operation = page.locator('.opblock', { has: page.locator('.opblock-summary-path[data-path="/api/v1/user/me"], .opblock-summary-path[data-path="/user/me"]') })
    .filter({ has: page.locator('.opblock-summary-method', { hasText: 'GET' }) }).first();
  await operation.locator('.opblock-summary').first().click();
  const tryOut = operation.locator('button.try-out__btn:not(.cancel)');
  if (await tryOut.count() > 0) await tryOut.click();
  await operation.locator('button.execute').click();
  const answer = operation.locator('.responses-table.live-responses-table');
  await answer.getByText('200', { exact: false }).first().waitFor();
  const text = await answer.innerText();
  if (!text.includes(email)) throw new Error(`not the caller's own data: ${text}`);

  if (complaints.length > 0) throw new Error(`the browser complained:\n${complaints.join('\n')}`);
  if (strangers.length > 0) throw new Error(`asked elsewhere:\n${strangers.join('\n')}`);
} catch (error) {
  throw new Error(`${error}\ncomplaints: ${JSON.stringify(complaints)}\nstrangers: ${JSON.stringify(strangers)}`);
} finally {
  await browser.close();
}
console.log('played to the end');
