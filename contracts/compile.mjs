// Compiles AnchorRegistry with the pinned compiler and writes the artifact that the Python package ships.
//
//   node compile.mjs           write the artifact
//   node compile.mjs --check   write nothing; exit 1 unless the artifact in place is what the sources compile to
//
// The settings decide the code hash, by which services and verifiers recognise the contract: they are not to change.

import { readFileSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";

import sha3 from "js-sha3";
import solc from "solc";

const CONTRACTS = dirname(fileURLToPath(import.meta.url));
const ARTIFACT = join(CONTRACTS, "..", "anchor", "chain", "artifacts", "AnchorRegistry.json");
const CONTRACT_NAME = "AnchorRegistry";
const SOURCES = ["IAnchorRegistry.sol", "AnchorRegistry.sol"];

const SETTINGS = {
  evmVersion: "cancun",
  // The Yul optimizer stays off: in solc 0.8.19 to 0.8.37 it can reuse a stale load or remove a needed store. An anchor
  // costs 0.4 % more without it.
  optimizer: { enabled: true, runs: 200, details: { yul: false } },
  // Without a metadata trailer the code depends on the statements alone, not on comments, paths or build machine.
  metadata: { bytecodeHash: "none", appendCBOR: false },
  viaIR: false,
};

function compile() {
  const sources = Object.fromEntries(
    SOURCES.map((name) => [name, { content: readFileSync(join(CONTRACTS, name), "utf8") }]),
  );
  const outputSelection = { "*": { "*": ["abi", "evm.bytecode.object", "evm.deployedBytecode.object"] } };
  const input = { language: "Solidity", sources, settings: { ...SETTINGS, outputSelection } };
  const output = JSON.parse(solc.compile(JSON.stringify(input)));
  const complaints = (output.errors ?? []).map((error) => error.formattedMessage);
  if (complaints.length > 0) {
    throw new Error(`the compiler complains; warnings count as errors:\n${complaints.join("\n")}`);
  }
  return output.contracts[`${CONTRACT_NAME}.sol`][CONTRACT_NAME];
}

function artifactText() {
  const { abi, evm } = compile();
  const deployed = evm.deployedBytecode.object;
  const artifact = {
    contractName: CONTRACT_NAME,
    compiler: { version: solc.version(), settings: SETTINGS },
    abi,
    bytecode: `0x${evm.bytecode.object}`,
    deployedBytecode: `0x${deployed}`,
    codeHash: `0x${sha3.keccak256(Buffer.from(deployed, "hex"))}`,
  };
  return `${JSON.stringify(artifact, null, 2)}\n`;
}

function textInPlace() {
  try {
    return readFileSync(ARTIFACT, "utf8");
  } catch (error) {
    if (error.code === "ENOENT") return null;
    throw error;
  }
}

function main(options) {
  const unknown = options.filter((option) => option !== "--check");
  if (unknown.length > 0) throw new Error(`unknown option ${unknown[0]}; only --check is known`);

  const text = artifactText();
  const shown = relative(process.cwd(), ARTIFACT);
  if (!options.includes("--check")) {
    mkdirSync(dirname(ARTIFACT), { recursive: true });
    writeFileSync(ARTIFACT, text);
    console.log(`wrote ${shown}: code hash ${JSON.parse(text).codeHash}`);
    return 0;
  }
  if (textInPlace() === text) {
    console.log(`${shown} is what the sources compile to`);
    return 0;
  }
  console.error(`${shown} is not what the sources compile to; run node compile.mjs and review the difference`);
  return 1;
}

process.exitCode = main(process.argv.slice(2));
