// The scenario of tests/cases/clients.rs with the client that @hey-api/openapi-ts generates (in `./client`).
// usage: node scenario.js http://127.0.0.1:PORT
import * as api from './client/index.js';
import { type Client, createClient } from './client/client/index.js';
import type { Code, Login, Problem, Question } from './client/index.js';

declare const process: { argv: string[] };

const password = 'seven wooden marbles';

function check(holds: boolean, what: unknown): asserts holds {
  if (!holds) throw new Error(`not as expected: ${JSON.stringify(what)}`);
}

type Answer<T> = { data: T; error: undefined } | { data: undefined; error: Problem };
type Sent = { request?: Request; response?: Response };

function given<T>(answer: Answer<T> & Sent): T & {} {
  check(answer.data !== undefined && answer.data !== null, answer.error ?? 'no answer');
  return answer.data;
}

function refused(answer: Answer<unknown> & Sent, status: number, code: Code): Problem {
  check(answer.error !== undefined, answer.data);
  check(answer.response?.status === status && answer.error.status === status && answer.error.code === code, answer.error);
  return answer.error;
}

async function play(baseUrl: string): Promise<void> {
  const visitor = createClient({ baseUrl });
  const caller = (token: string) => createClient({ baseUrl, auth: token });
  await everyWrongFieldIsNamed(visitor);
  const script = await signedIn(visitor, 'script');
  const stranger = await signedIn(visitor, 'stranger');
  const client = caller(script.token);
  await pictures(client, script);
  const asked = await ask(client);
  await pageThrough(client, asked);
  const first = asked[0];
  check(first !== undefined, asked);
  await editAndAnswer(client, caller(stranger.token), first);
  await signOut(visitor, caller, script);
  await guessesHaveToWait(visitor);
}

async function everyWrongFieldIsNamed(client: Client): Promise<void> {
  const body = { username: 's', email: 'script', password: 'short' };
  const problem = refused(await api.signUp({ client, body }), 400, 'invalid');
  const fields = (problem.errors ?? []).map((error) => error.field).sort();
  check(fields.join() === 'email,password,username', problem);
}

async function signedIn(client: Client, username: string): Promise<Login> {
  const free = await api.checkUsername({ client, query: { username } });
  check(free.response?.status === 200, free.error);
  const email = `${username}@example.org`;
  const made = given(await api.signUp({ client, body: { username, email, password } }));
  check(made.email === email, made);
  refused(await api.signUp({ client, body: { username, email, password } }), 409, 'taken');
  refused(await api.login({ client, body: { email, password: 'not the password' } }), 401, 'invalid_credentials');
  const session = given(await api.login({ client, body: { email, password } }));
  check(session.tokenExpiresIn > 0 && session.id === made.id, session);
  return session;
}

async function pictures(client: Client, session: Login): Promise<void> {
  const path = { id: session.id };
  const svg = given(await api.getIcon({ client, path, parseAs: 'blob' }));
  check((await (svg as Blob).text()).startsWith('<svg'), 'no SVG');
  const png = given(await api.getIconPng({ client, path, query: { size: 32 }, parseAs: 'blob' }));
  const bytes = new Uint8Array(await (png as Blob).arrayBuffer());
  check(bytes[0] === 0x89 && bytes[1] === 0x50 && bytes.length > 50, bytes.length);
}

async function ask(client: Client): Promise<Question[]> {
  const asked: Question[] = [];
  for (let number = 0; number < 25; number++) {
    const body = { title: `Question ${number}`, description: 'With a generated client.' };
    const headers = { 'Idempotency-Key': `question-${number}` };
    const question = given(await api.createQuestion({ client, body, headers }));
    const again = given(await api.createQuestion({ client, body, headers }));
    check(question.id === again.id, again);
    asked.push(question);
  }
  const [body, headers] = [{ title: 'Something else' }, { 'Idempotency-Key': 'question-0' }];
  refused(await api.createQuestion({ client, body, headers }), 409, 'key_reused');
  return asked;
}

function nextCursor(response: Response | undefined): string | undefined {
  const link = response?.headers.get('Link') ?? undefined;
  if (link === undefined) return undefined;
  const address = /^<([^>]+)>; rel="next"$/.exec(link)?.[1];
  check(address !== undefined, link);
  return new URL(address, 'http://localhost').searchParams.get('cursor') ?? undefined;
}

async function pageThrough(client: Client, asked: Question[]): Promise<void> {
  const seen: string[] = [];
  const sizes: number[] = [];
  let page = await api.listQuestions({ client, query: { size: 10, total: true } });
  check(page.response?.headers.get('X-Total-Count') === '25', 'no total');
  for (;;) {
    const questions = given(page);
    sizes.push(questions.length);
    seen.push(...questions.map((question) => question.id));
    const cursor = nextCursor(page.response);
    if (cursor === undefined) break;
    page = await api.listQuestions({ client, query: { size: 10, cursor } });
  }
  check(sizes.join() === '10,10,5', sizes);
  check(seen.join() === asked.map((question) => question.id).reverse().join(), seen);
}

async function editAndAnswer(client: Client, stranger: Client, question: Question): Promise<void> {
  const path = { id: question.id };
  const body = { title: 'Edited by a script' };
  const read = await api.getQuestion({ client, path });
  const headers = { 'If-Match': read.response?.headers.get('ETag') ?? '' };
  const edited = given(await api.updateQuestion({ client, path, body, headers }));
  check(edited.title === body.title, edited);
  refused(await api.updateQuestion({ client, path, body, headers }), 412, 'stale');
  refused(await api.updateQuestion({ client: stranger, path, body }), 403, 'forbidden');
  const text = { description: 'So it is.', questionID: question.id };
  const answer = given(await api.createAnswer({ client: stranger, body: text }));
  const answers = given(await api.listAnswers({ client, path: { questionId: question.id } }));
  check(answers.length === 1 && answers[0]?.id === answer.id, answers);
}

async function signOut(visitor: Client, caller: (token: string) => Client, session: Login): Promise<void> {
  refused(await api.me({ client: caller('made up') }), 401, 'unauthenticated');
  const renewed = given(await api.refresh({ client: caller(session.refreshToken) }));
  check(renewed.refreshToken !== session.refreshToken, 'the same refresh token');
  const mine = given(await api.me({ client: caller(renewed.token) }));
  check(mine.id === session.id && !Number.isNaN(Date.parse(mine.createdAt ?? '')), mine);
  const ended = await api.logout({ client: visitor, body: { refreshToken: renewed.refreshToken } });
  check(ended.response?.status === 200, ended.error);
  refused(await api.refresh({ client: caller(renewed.refreshToken) }), 401, 'session_ended');
}

async function guessesHaveToWait(client: Client): Promise<void> {
  const body = { email: 'guessed@example.org', password: 'not the password' };
  let answer = await api.login({ client, body });
  for (let guess = 0; guess < 7 && answer.response?.status === 401; guess++) {
    answer = await api.login({ client, body });
  }
  refused(answer, 429, 'too_many_requests');
  check(Number(answer.response?.headers.get('Retry-After')) > 0, 'no Retry-After');
}

await play(process.argv[2] ?? '');
console.log('played to the end');
