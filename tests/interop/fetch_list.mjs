// Fetch a status list as @digitalbazaar/http-client does, with the Accept header that it sends unasked.
//
//   node fetch_list.mjs http://127.0.0.1:8080/status-lists/0
//
// answer, one JSON object on stdout: {type, id} of what the library parsed; null for both where it parsed nothing.
import {httpClient} from '@digitalbazaar/http-client';

const {data} = await httpClient.get(process.argv[2]);

process.stdout.write(JSON.stringify({type: data?.type ?? null, id: data?.id ?? null}) + '\n');
