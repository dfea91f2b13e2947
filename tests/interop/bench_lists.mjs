// Measure @digitalbazaar/vc-bitstring-status-list, with @digitalbazaar/vc to sign, on one bitstring read from a file.
//
//   node bench_lists.mjs bits.bin
//
// answer, one JSON object on stdout: milliseconds by operation (fastest of some runs), the length of the text, peak memory in MiB.
// Nothing is fetched: the contexts come with the libraries.
import {readFileSync} from 'node:fs';
import {performance} from 'node:perf_hooks';

import {BitstringStatusList, createCredential} from '@digitalbazaar/vc-bitstring-status-list';
import {DataIntegrityProof} from '@digitalbazaar/data-integrity';
import * as Ed25519Multikey from '@digitalbazaar/ed25519-multikey';
import {cryptosuite} from '@digitalbazaar/eddsa-rdfc-2022-cryptosuite';
import * as vc from '@digitalbazaar/vc';

const MIN_RUNS = 3;
const MAX_RUNS = 50;
const ENOUGH_MS = 1_000;

const LIST_URL = 'https://lists.example/3';
const PURPOSE = 'revocation';

async function fastestOf(work) {
  const runs = [];
  const begun = performance.now();
  while(runs.length < MIN_RUNS || (runs.length < MAX_RUNS && performance.now() - begun < ENOUGH_MS)) {
    const started = performance.now();
    await work();
    runs.push(performance.now() - started);
  }
  return Math.min(...runs);
}

const keyPair = await Ed25519Multikey.generate();
keyPair.controller = `did:key:${keyPair.publicKeyMultibase}`;
keyPair.id = `${keyPair.controller}#${keyPair.publicKeyMultibase}`;
const suite = new DataIntegrityProof({signer: keyPair.signer(), cryptosuite});

// a buffer of its own: the library takes a view for the whole of what lies under it
const list = new BitstringStatusList({buffer: new Uint8Array(readFileSync(process.argv[2]))});

async function sign() {
  const credential = await createCredential({id: LIST_URL, list, statusPurpose: PURPOSE});
  return vc.issue({
    credential: {...credential, issuer: keyPair.controller, validFrom: '2026-01-01T00:00:00Z'},
    suite,
    documentLoader: vc.defaultDocumentLoader
  });
}

let at = 0;
function change() {
  at = (at + 48_611) % list.length;
  list.setStatus(at, !list.getStatus(at));
}

const encodedList = await list.encode();
const encode_ms = await fastestOf(() => list.encode());
const decode_ms = await fastestOf(() => BitstringStatusList.decode({encodedList}));
const change_ms = await fastestOf(() => {
  change();
  return list.encode();
});
const signed_ms = await fastestOf(() => {
  change();
  return sign();
});

process.stdout.write(JSON.stringify({
  encode_ms,
  decode_ms,
  change_ms,
  signed_ms,
  text_chars: encodedList.length,
  peak_mib: Math.round(process.resourceUsage().maxRSS / 1024)
}) + '\n');
