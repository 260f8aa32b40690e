// The program of eslint's worker (see checks/processes.py): node eslint_worker.mjs FOLDER-OF-MODULES
//
// Texts are given to eslint's Linter class with a configuration that is an object in this file. Linter never looks for a
// configuration, a plug-in or a package, and reads no file at all, so nothing beside a text can say anything; comments inside
// a text that configure eslint are not obeyed (noInlineConfig).

import { createRequire } from "node:module";
import { readSync, writeSync } from "node:fs";

const find = createRequire(`${process.argv[2]}/package.json`);
for (const name of ["log", "info", "warn", "debug"]) console[name] = console.error; // nobody misleads whoever reads the answers
const { Linter } = find("eslint");
const recommended = find("@eslint/js").configs.recommended.rules;
const typescript = find("@typescript-eslint/parser");
const security = find("eslint-plugin-security");

// no-undef wants to know which globals there are; the others do not know types and are wrong about overloads and enums.
// What a script leaves in the global scope is for others to use.
const NEVER = { "no-undef": "off", "no-unused-vars": ["error", { vars: "local" }] };
const NOT_TYPED = { "no-unused-vars": "off", "no-redeclare": "off", "no-dupe-class-members": "off" };
const SECURITY = Object.fromEntries(Object.keys(security.rules).map((name) => [`security/${name}`, "error"]));
const linter = new Linter({ configType: "flat" });

function configuration(language, sourceType) {
  const typed = language !== "javascript";
  const parserOptions = { ecmaFeatures: { jsx: language !== "typescript" } };
  return [
    {
      files: ["**/*.{js,ts,tsx}"],
      plugins: { security },
      linterOptions: { noInlineConfig: true, reportUnusedDisableDirectives: "off", reportUnusedInlineConfigs: "off" },
      languageOptions: {
        ecmaVersion: "latest",
        sourceType,
        ...(typed ? { parser: typescript, parserOptions: { ...parserOptions, sourceType, loggerLevel: false } } : { parserOptions }),
      },
      rules: { ...recommended, ...SECURITY, ...NEVER, ...(typed ? NOT_TYPED : {}) },
    },
  ];
}

const CONFIGURATIONS = new Map();
for (const language of ["javascript", "typescript", "tsx"])
  for (const sourceType of ["module", "commonjs", "script"])
    CONFIGURATIONS.set(`${language} ${sourceType}`, configuration(language, sourceType));
const NAMES = { javascript: "answer.js", typescript: "answer.ts", tsx: "answer.tsx" };

function look({ text, language, sourceTypes }) {
  let rows = [];
  for (const sourceType of sourceTypes) {
    const options = { filename: NAMES[language], allowInlineConfig: false, disableFixes: true };
    rows = linter.verify(text, CONFIGURATIONS.get(`${language} ${sourceType}`), options);
    if (!rows.some((row) => row.fatal)) return { rows: rows.map((row) => [row.ruleId ?? "", row.line ?? 1, row.message]) };
  }
  return { invalid: `line ${rows[0].line ?? 1}: ${rows[0].message}` };
}

function read(size) {
  const data = Buffer.alloc(size);
  for (let at = 0; at < size; ) {
    const got = readSync(0, data, at, size - at, null);
    if (got === 0) return null;
    at += got;
  }
  return data;
}

function send(answer) {
  const body = Buffer.from(JSON.stringify(answer));
  const head = Buffer.alloc(4);
  head.writeUInt32BE(body.length);
  const data = Buffer.concat([head, body]);
  for (let at = 0; at < data.length; ) at += writeSync(1, data, at);
}

send({ ready: true });
for (let head = read(4); head !== null; head = read(4)) {
  for (const item of JSON.parse(read(head.readUInt32BE()).toString("utf8"))) {
    const started = performance.now();
    try {
      send({ ...look(item), ms: performance.now() - started });
    } catch (error) {
      send({ broken: String(error?.message ?? error).split("\n")[0].slice(0, 200) });
    }
  }
}
