// Ask @digitalcredentials/verifier-core about one credential; print its answer as one JSON object on stdout.
//
//   node check_status.mjs credential.json        or: node check_status.mjs < credential.json
//
// The library fetches the status list itself, from the URL in the credential. Loopback is the only host it reaches:
// contexts come with the library, a did:key needs no look-up, and anything else it asks for is refused and reported.
//
// answer: {
//   signature_valid: the credential's own signature holds
//   revoked:         false: read and not set; true: read and set; null: no such entry, or not accepted, see errors
//   suspended:       likewise, for the purpose suspension
//   errors:          [{name, message}] as the library words them
//   fetched:         URLs it fetched, in order
//   refused:         URLs it asked for beyond loopback
//   log:             the library's own steps
// }
import {readFileSync} from 'node:fs';

const LOOPBACK = new Set(['127.0.0.1', 'localhost', '[::1]']);
const STDIN = 0;

const fetched = [];
const refused = [];
const originalFetch = globalThis.fetch;

globalThis.fetch = async (resource, options) => {
  const url = new URL(resource instanceof Request ? resource.url : resource);
  if(!LOOPBACK.has(url.hostname)) {
    refused.push(url.href);
    throw new TypeError(`only loopback may be fetched, not ${url.host}`);
  }
  fetched.push(url.href);
  return originalFetch(resource, options);
};

// stdout is for the answer alone; the library logs there too
console.log = console.error;

// imported only now, or the library would have kept the fetch from before
const {verifyCredential} = await import('@digitalcredentials/verifier-core');

const credential = JSON.parse(readFileSync(process.argv[2] ?? STDIN, 'utf8'));
const result = await verifyCredential({credential, knownDIDRegistries: []});

const log = (result.log ?? []).map(({id, valid, error}) => ({id, valid, error}));
const step = id => log.find(entry => entry.id === id);
const errors = [...(result.errors ?? []), ...log.flatMap(({error}) => error ?? [])];

// the library logs a step for each status entry it could read, named by purpose; valid means that the bit is not set
const isSet = purpose => {
  const valid = step(`${purpose}_status`)?.valid;
  return valid === undefined ? null : !valid;
};

process.stdout.write(JSON.stringify({
  signature_valid: step('valid_signature')?.valid === true,
  revoked: isSet('revocation'),
  suspended: isSet('suspension'),
  errors: errors.map(({name, message}) => ({name, message: String(message)})),
  fetched,
  refused,
  log
}) + '\n');
