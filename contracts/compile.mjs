// Compiles the contracts with the pinned compiler and writes the artifacts that the Python package ships.
//
//   node compile.mjs           write the artifacts
//   node compile.mjs --check   write nothing; exit 1 unless the artifacts in place are what the sources compile to
//
// The settings decide the code hash, by which services and verifiers recognise a contract: they are not to change.

import { readFileSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";

import sha3 from "js-sha3";
import solc from "solc";

const CONTRACTS = dirname(fileURLToPath(import.meta.url));
const ARTIFACTS = join(CONTRACTS, "..", "anchor", "chain", "artifacts");

// Each contract is compiled by itself, so that no other source can have a part in its code.
const SOURCES = {
  AnchorRegistry: ["IAnchorRegistry.sol", "AnchorRegistry.sol"],
  AnchorVerifier: ["IAnchorRegistry.sol", "IAnchorVerifier.sol", "AnchorVerifier.sol"],
};
const OUTPUTS = [
  "abi",
  "evm.bytecode.object",
  "evm.deployedBytecode.object",
  "evm.deployedBytecode.immutableReferences",
];

const SETTINGS = {
  evmVersion: "cancun",
  // The Yul optimizer stays off: in solc 0.8.19 to 0.8.37 it can reuse a stale load or remove a needed store. An anchor
  // costs 0.4 % more without it.
  optimizer: { enabled: true, runs: 200, details: { yul: false } },
  // Without a metadata trailer the code depends on the statements alone, not on comments, paths or build machine.
  metadata: { bytecodeHash: "none", appendCBOR: false },
  viaIR: false,
};

function compile(contractName) {
  const sources = Object.fromEntries(
    SOURCES[contractName].map((name) => [name, { content: readFileSync(join(CONTRACTS, name), "utf8") }]),
  );
  const outputSelection = { "*": { "*": OUTPUTS } };
  const input = { language: "Solidity", sources, settings: { ...SETTINGS, outputSelection } };
  const output = JSON.parse(solc.compile(JSON.stringify(input)));
  const complaints = (output.errors ?? []).map((error) => error.formattedMessage);
  if (complaints.length > 0) {
    throw new Error(`the compiler complains; warnings count as errors:\n${complaints.join("\n")}`);
  }
  return output.contracts[`${contractName}.sol`][contractName];
}

// What tells the code of a contract: its hash, or, where the constructor writes a value into the code, the hash with
// zeros in its places, and the places.
function codeIdentity({ object, immutableReferences }) {
  const hash = `0x${sha3.keccak256(Buffer.from(object, "hex"))}`;
  const immutables = Object.values(immutableReferences);
  if (immutables.length === 0) return { codeHash: hash };
  if (immutables.length > 1) throw new Error("more than one immutable: name each with its places in the artifact");
  return { templateHash: hash, immutablePlaces: immutables[0] };
}

function artifactText(contractName) {
  const { abi, evm } = compile(contractName);
  const artifact = {
    contractName,
    compiler: { version: solc.version(), settings: SETTINGS },
    abi,
    bytecode: `0x${evm.bytecode.object}`,
    deployedBytecode: `0x${evm.deployedBytecode.object}`,
    ...codeIdentity(evm.deployedBytecode),
  };
  return `${JSON.stringify(artifact, null, 2)}\n`;
}

function textInPlace(path) {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (error.code === "ENOENT") return null;
    throw error;
  }
}

function write(contractName, path) {
  const text = artifactText(contractName);
  const { codeHash, templateHash } = JSON.parse(text);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
  const identity = codeHash ? `code hash ${codeHash}` : `template hash ${templateHash}`;
  console.log(`wrote ${relative(process.cwd(), path)}: ${identity}`);
  return true;
}

function check(contractName, path) {
  const shown = relative(process.cwd(), path);
  if (textInPlace(path) === artifactText(contractName)) {
    console.log(`${shown} is what the sources compile to`);
    return true;
  }
  console.error(`${shown} is not what the sources compile to; run node compile.mjs and review the difference`);
  return false;
}

function main(options) {
  const unknown = options.filter((option) => option !== "--check");
  if (unknown.length > 0) throw new Error(`unknown option ${unknown[0]}; only --check is known`);

  const treat = options.includes("--check") ? check : write;
  const good = Object.keys(SOURCES).map((name) => treat(name, join(ARTIFACTS, `${name}.json`)));
  return good.every(Boolean) ? 0 : 1;
}

process.exitCode = main(process.argv.slice(2));
