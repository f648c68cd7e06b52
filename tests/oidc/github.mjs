// The two routes of GitHub's API that return a person's profile.

function refuse(response, status, message) {
  response.writeHead(status, { 'content-type': 'application/json; charset=utf-8' });
  response.end(JSON.stringify({ message, documentation_url: 'https://docs.github.com/rest' }));
}

export async function githubApi(provider, person, request, response, path) {
  const token = /^Bearer (.+)$/.exec(request.headers.authorization ?? '')?.[1];
  const known = token && (await provider.AccessToken.find(token));
  if (!known) return refuse(response, 401, 'Bad credentials');
  if (!request.headers['user-agent']) return refuse(response, 403, 'Request forbidden');
  const { sub, login, name, picture, email, email_verified, others = [] } = person(known.accountId);
  const answers = {
    '/user': { id: sub, login: login ?? 'ada', name: name ?? null, avatar_url: picture ?? null, email: null },
    '/user/emails': [
      ...others.map((other) => ({ email: other, primary: false, verified: true, visibility: null })),
      ...(email ? [{ email, primary: true, verified: !!email_verified, visibility: 'private' }] : []),
    ],
  };
  const needs = { '/user': 'read:user', '/user/emails': 'user:email' }[path];
  if (!answers[path] || !known.scope.split(' ').includes(needs)) return refuse(response, 404, 'Not Found');
  response.writeHead(200, { 'content-type': 'application/json; charset=utf-8' });
  response.end(JSON.stringify(answers[path]));
}
