// Google, Apple and GitHub on one port: a real OpenID Connect server that signs in the person
// that the test's browser names, and that can inject faults. It prints its address as one line
// of JSON and ends with its standard input.
import { createServer } from 'node:http';
import { once } from 'node:events';
import { exportPKCS8, generateKeyPair, jwtVerify } from 'jose';
import Provider from 'oidc-provider';
import { Keys, forge } from './keys.mjs';
import { githubApi } from './github.mjs';

// Only the first line of standard output is read.
console.info = console.warn;

const PUBLIC_URL = process.argv[2];
const APPLE = { team: 'TEAM123456', key: 'KEY1234567', client: 'com.example.atelier' };
const SECRET = 'a secret that the provider gave to this instance';

const keys = await Keys.create();
const appleKey = await generateKeyPair('ES256', { extractable: true });
const control = { fault: '', tokens: 0, keySets: 0 };

// The profiles that browsers sent, by provider and id. A later sign-in may change a profile.
const people = new Map();
const person = (name, id) => people.get(`${name} ${id}`);
const claims = (name, id) => {
  const told = Object.entries(person(name, id)).filter(([, value]) => value !== null);
  return { ...Object.fromEntries(told), sub: id };
};

function configuration(name, extra) {
  const client = {
    client_id: extra.client_id ?? `${name}-client`,
    client_secret: SECRET,
    redirect_uris: [`${PUBLIC_URL}/api/auth/${name}/callback`],
    response_types: ['code'],
    grant_types: ['authorization_code'],
    token_endpoint_auth_method: 'client_secret_post',
  };
  return {
    clients: [client],
    jwks: { keys: [keys.current.jwk] },
    cookies: {
      keys: ['tests only'],
      names: { session: `${name}_session`, interaction: `${name}_interaction`, resume: `${name}_resume` },
    },
    claims: {
      openid: ['sub'],
      email: ['email', 'email_verified'],
      ...(name === 'google' && { profile: ['name', 'picture', 'locale'] }),
    },
    scopes: ['openid', 'name', 'read:user', 'user:email'],
    conformIdTokenClaims: false,
    pkce: { required: () => true },
    features: { devInteractions: { enabled: false } },
    interactions: { url: (_ctx, interaction) => `/${name}/interaction/${interaction.uid}` },
    findAccount: (_ctx, id) => ({ accountId: id, claims: () => claims(name, id) }),
    async loadExistingGrant(ctx) {
      const { client: { clientId }, session: { accountId }, params, provider } = ctx.oidc;
      const grant = new provider.Grant({ clientId, accountId });
      grant.addOIDCScope(params.scope);
      await grant.save();
      return grant;
    },
    ...extra.configuration,
  };
}

async function readBody(request) {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  return new URLSearchParams(Buffer.concat(chunks).toString());
}

function answer(response, status, body) {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

// The login form without a page: the browser posts a profile, or an error.
async function interact(name, provider, request, response) {
  if (request.method === 'GET') {
    response.writeHead(200, { 'content-type': 'text/html' }).end('<form method="post"></form>');
    return;
  }
  const form = await readBody(request);
  let result = { error: form.get('error'), error_description: 'as the person wished' };
  if (!form.has('error')) {
    const somebody = JSON.parse(form.get('person'));
    const accountId = String(somebody.sub);
    people.set(`${name} ${accountId}`, somebody);
    result = { login: { accountId, remember: false } };
  }
  await provider.interactionFinished(request, response, result, { mergeWithLastSubmission: false });
}

// Apple's client secret is a JWT signed by the client; oidc-provider expects a plain secret.
async function checkAppleSecret(request, issuer) {
  const form = await readBody(request);
  const { protectedHeader, payload } = await jwtVerify(form.get('client_secret'), appleKey.publicKey, {
    algorithms: ['ES256'],
    issuer: APPLE.team,
    audience: issuer,
    subject: APPLE.client,
    maxTokenAge: '180 days',
  });
  if (protectedHeader.kid !== APPLE.key || !payload.exp) throw new Error('not a key of the team');
  form.set('client_secret', SECRET);
  request.body = Object.fromEntries(form);
}

function observe(provider) {
  provider.use(async (ctx, next) => {
    if (ctx.path.endsWith('/token') || ctx.path.endsWith('/access_token')) {
      control.tokens += 1;
      if (control.fault === 'silent') await new Promise(() => {});
      if (control.fault === 'status_500') ctx.throw(500, 'told to');
    }
    await next();
    if (ctx.oidc?.route === 'jwks') {
      control.keySets += 1;
      ctx.body = keys.published();
    } else if (ctx.oidc?.route === 'token' && ctx.body?.id_token) {
      ctx.body.id_token = await forge(control.fault, ctx.body.id_token, keys, SECRET);
      if (!ctx.body.id_token) delete ctx.body.id_token;
    }
  });
}

async function steer(request, response) {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  const wanted = JSON.parse(Buffer.concat(chunks).toString() || '{}');
  if (wanted.fault !== undefined) control.fault = wanted.fault;
  if (wanted.rotate) await keys.rotate();
  answer(response, 200, control);
}

const server = createServer();
server.listen(0, '127.0.0.1');
await once(server, 'listening');
const url = `http://127.0.0.1:${server.address().port}`;

const providers = new Map();
for (const [name, extra] of Object.entries({
  google: {},
  apple: { client_id: APPLE.client },
  github: {
    configuration: {
      routes: { authorization: '/login/oauth/authorize', token: '/login/oauth/access_token' },
    },
  },
})) {
  const provider = new Provider(`${url}/${name}`, configuration(name, extra));
  observe(provider);
  providers.set(name, { provider, handle: provider.callback() });
}

server.on('request', async (request, response) => {
  try {
    if (request.url === '/control') return await steer(request, response);
    const [, name, rest] = /^\/(\w+)(\/.*)$/.exec(request.url) ?? [];
    const { provider, handle } = providers.get(name) ?? {};
    if (!provider) return answer(response, 404, {});
    if (rest.startsWith('/interaction/')) return await interact(name, provider, request, response);
    if (name === 'github' && rest.startsWith('/api/')) {
      const known = (id) => person(name, id);
      return await githubApi(provider, known, request, response, rest.slice('/api'.length));
    }
    if (name === 'apple' && rest === '/token') {
      try {
        await checkAppleSecret(request, `${url}/apple`);
      } catch {
        return answer(response, 400, { error: 'invalid_client' });
      }
    }
    if (name === 'github' && rest === '/login/oauth/access_token') refuseAsGithub(response);
    request.originalUrl = request.url;
    request.url = rest;
    handle(request, response);
  } catch (error) {
    console.error(error);
    if (!response.headersSent) answer(response, 500, { error: 'server_error' });
  }
});

// GitHub rejects a code with status 200 and its own error names.
function refuseAsGithub(response) {
  const { end } = response;
  response.end = function (body, ...rest) {
    if (response.statusCode === 400 && JSON.parse(body).error === 'invalid_grant') {
      const refusal = JSON.stringify({
        error: 'bad_verification_code',
        error_description: 'The code passed is incorrect or expired.',
      });
      response.statusCode = 200;
      response.setHeader('content-length', Buffer.byteLength(refusal));
      return end.call(response, refusal);
    }
    return end.call(response, body, ...rest);
  };
}

process.stdin.resume().on('end', () => process.exit(0));
console.log(
  JSON.stringify({
    url,
    secret: SECRET,
    apple: { ...APPLE, private_key: await exportPKCS8(appleKey.privateKey) },
  }),
);
