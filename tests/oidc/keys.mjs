// The keys of the providers, and faults in ID tokens.
import { SignJWT, UnsecuredJWT, decodeJwt, exportJWK, generateKeyPair, importJWK } from 'jose';

async function makeKey(kid) {
  const pair = await generateKeyPair('RS256', { extractable: true });
  const jwk = { ...(await exportJWK(pair.privateKey)), kid, alg: 'RS256', use: 'sig' };
  const shown = { ...(await exportJWK(pair.publicKey)), kid, alg: 'RS256', use: 'sig' };
  return { kid, jwk, shown, privateKey: pair.privateKey };
}

export class Keys {
  static async create() {
    const keys = new Keys();
    keys.current = await makeKey('key-1');
    keys.foreign = await makeKey('foreign');
    keys.count = 1;
    return keys;
  }

  // Signs further tokens with another key, and no longer publishes the previous one.
  async rotate() {
    this.count += 1;
    this.current = await makeKey(`key-${this.count}`);
  }

  published() {
    return { keys: [this.current.shown] };
  }
}

const CLAIMS = {
  wrong_nonce: { nonce: 'of another sign-in' },
  wrong_audience: { aud: 'another client' },
  further_audience: (claims) => ({ aud: [claims.aud, 'another client'] }),
  wrong_issuer: { iss: 'https://accounts.example' },
  expired: { exp: Math.floor(Date.now() / 1000) - 1 },
  of_the_future: { iat: Math.floor(Date.now() / 1000) + 3600 },
  no_nonce: { nonce: undefined },
  empty_subject: { sub: '' },
  endless_subject: { sub: 's'.repeat(256) },
  foreign_subject: { sub: '\u212a7' },
};

// The token with the fault; none if the fault omits it.
export async function forge(fault, token, keys, secret) {
  const claims = decodeJwt(token);
  const changes = CLAIMS[fault] ?? {};
  Object.assign(claims, typeof changes === 'function' ? changes(claims) : changes);
  const sign = (key, header) => new SignJWT(claims).setProtectedHeader(header).sign(key);
  const { current, foreign } = keys;
  switch (fault) {
    case 'no_token':
      return undefined;
    case 'unsigned':
      return new UnsecuredJWT(claims).encode();
    case 'signed_with_the_secret':
      return sign(new TextEncoder().encode(secret), { alg: 'HS256', kid: current.kid });
    case 'signed_with_the_public_key':
      return sign(new TextEncoder().encode(JSON.stringify(current.shown)), { alg: 'HS256', kid: current.kid });
    case 'other_algorithm':
      return sign(await as(current, 'PS256'), { alg: 'PS256', kid: current.kid });
    case 'unknown_key':
      return sign(foreign.privateKey, { alg: 'RS256', kid: foreign.kid });
    case 'other_key':
      return sign(foreign.privateKey, { alg: 'RS256', kid: current.kid });
    default:
      return sign(current.privateKey, { alg: 'RS256', kid: current.kid });
  }
}

function as(key, alg) {
  return importJWK({ ...key.jwk, alg }, alg);
}
