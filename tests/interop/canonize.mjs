// Canonicalise JSON-LD documents as @digitalcredentials/eddsa-rdfc-2022-cryptosuite does; print one JSON array on stdout.
//
//   node canonize.mjs < {"contexts": {url: document}, "documents": [document]}
//
// Each answer is the canonical N-Quads, or null where the library refuses the document. Nothing is fetched.
import * as rdfCanonize from 'rdf-canonize';
import jsonld from '@digitalcredentials/jsonld';
import {readFileSync} from 'node:fs';

const STDIN = 0;
const {contexts, documents} = JSON.parse(readFileSync(STDIN, 'utf8'));

const documentLoader = async url => {
  if(!(url in contexts)) {
    throw new Error(`no such context: ${url}`);
  }
  return {contextUrl: null, documentUrl: url, document: contexts[url]};
};

const canonize = async document => {
  try {
    const dataset = await jsonld.toRDF(document, {
      base: null, safe: true, documentLoader, rdfDirection: 'i18n-datatype', produceGeneralizedRdf: false
    });
    return await rdfCanonize.canonize(dataset, {
      algorithm: 'RDFC-1.0', format: 'application/n-quads', maxWorkFactor: 3
    });
  } catch(error) {
    console.error(String(error));
    return null;
  }
};

const answers = [];
for(const document of documents) {
  answers.push(await canonize(document));
}
process.stdout.write(JSON.stringify(answers));
