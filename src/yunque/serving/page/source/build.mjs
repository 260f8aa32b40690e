// Builds ../page.js out of page.js and what it imports, and ../LICENSES.txt with the licences of that.
import { build } from "esbuild";
import { existsSync, readFileSync, writeFileSync } from "node:fs";

const { metafile } = await build({
  entryPoints: ["page.js"], outfile: "../page.js", bundle: true, minify: true, metafile: true,
  format: "esm", target: "es2022", charset: "utf8", legalComments: "eof",
});
const packages = new Set(Object.keys(metafile.inputs).map((path) => path.match(/node_modules\/((?:@[^/]+\/)?[^/]+)/)?.[1]).filter(Boolean));
const sections = [...packages].sort().map((name) => {
  const { version } = JSON.parse(readFileSync(`node_modules/${name}/package.json`));
  const path = ["LICENSE", "LICENSE.md", "LICENSE.txt"].map((file) => `node_modules/${name}/${file}`).find(existsSync);
  return `${name} ${version}\n\n${readFileSync(path, "utf8").trim()}\n`;
});
writeFileSync("../LICENSES.txt", `What page.js holds beside our own code.\n\n${sections.join("\n----\n\n")}`);
