// Compiles Solidity without a network: standard JSON in on stdin, standard JSON out on stdout.
// usage: node compile.js FOLDER_OF_NODE_MODULES PACKAGE_OF_SOLC
const path = require("path");
const [folder, compiler] = process.argv.slice(2);
const solc = require(path.join(path.resolve(folder), compiler));
let input = "";
process.stdin.on("data", (chunk) => (input += chunk));
process.stdin.on("end", () => process.stdout.write(solc.compile(input)));
