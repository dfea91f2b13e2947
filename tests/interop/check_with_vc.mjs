// Ask @digitalbazaar/vc with @digitalbazaar/vc-bitstring-status-list about one credential; print the answer as one JSON object.
//
//   node check_with_vc.mjs credential.json        or: node check_with_vc.mjs < credential.json
//
// The list is fetched from the URL in the credential, on loopback only; contexts come with the library, a did:key is itself.
//
// answer: {
//   accepted: signature and lists are (the library leaves it to its user to act on a set bit)
//   statuses: the bit of each status entry, in the credential's order; null where a list was not accepted
//   errors:   [text] as the library words them
// }
import {readFileSync} from 'node:fs';

import * as Ed25519Multikey from '@digitalbazaar/ed25519-multikey';
import {DataIntegrityProof} from '@digitalbazaar/data-integrity';
import {checkStatus} from '@digitalbazaar/vc-bitstring-status-list';
import {cryptosuite} from '@digitalbazaar/eddsa-rdfc-2022-cryptosuite';
import * as vc from '@digitalbazaar/vc';

const LOOPBACK = new Set(['127.0.0.1', 'localhost', '[::1]']);
const STDIN = 0;

async function documentLoader(url) {
  if(url.startsWith('did:key:')) {
    const [did, fragment] = url.split('#');
    const key = await Ed25519Multikey.from({
      '@context': 'https://w3id.org/security/multikey/v1',
      type: 'Multikey',
      id: `${did}#${did.slice('did:key:'.length)}`,
      controller: did,
      publicKeyMultibase: did.slice('did:key:'.length)
    });
    const method = await key.export({publicKey: true, includeContext: true});
    const document = fragment ? method : {
      '@context': ['https://www.w3.org/ns/did/v1', 'https://w3id.org/security/multikey/v1'],
      id: did,
      verificationMethod: [method],
      assertionMethod: [method.id]
    };
    return {contextUrl: null, documentUrl: url, document};
  }
  if(/^https?:/.test(url) && LOOPBACK.has(new URL(url).hostname)) {
    const response = await fetch(url);
    if(!response.ok) {
      throw new Error(`${url} answered ${response.status}`);
    }
    return {contextUrl: null, documentUrl: url, document: await response.json()};
  }
  return vc.defaultDocumentLoader(url);
}

const texts = error => error ? [String(error.message), ...(error.errors ?? []).flatMap(texts), ...texts(error.cause)] : [];

const credential = JSON.parse(readFileSync(process.argv[2] ?? STDIN, 'utf8'));
const suite = new DataIntegrityProof({cryptosuite});
const status = await checkStatus({credential, documentLoader, suite});
const whole = await vc.verifyCredential({credential, suite, documentLoader, checkStatus});

process.stdout.write(JSON.stringify({
  accepted: whole.verified === true,
  statuses: status.verified ? status.results.map(({status: isSet}) => isSet) : null,
  errors: [...texts(status.error), ...texts(whole.error)]
}) + '\n');
