// Builds the page into fit_platform/dashboard/static: one script, one style sheet, the page, and the licences of what is in it.
// bundle.json says what it was built from and what came out, so that a test without Node sees when the two part.
import { build } from "esbuild";
import { createHash } from "node:crypto";
import { copyFile, mkdir, readdir, readFile, writeFile } from "node:fs/promises";

const out = new URL("../fit_platform/dashboard/static/", import.meta.url).pathname;
await mkdir(out, { recursive: true });
await build({
  entryPoints: { app: "src/main.ts" },
  bundle: true,
  minify: true,
  format: "esm",
  target: ["es2022"],
  outdir: out,
  legalComments: "none",
  logLevel: "warning",
});
await build({ entryPoints: { app: "src/app.css" }, bundle: true, minify: true, outdir: out, logLevel: "warning" });
await copyFile("src/index.html", `${out}index.html`);
await copyFile("src/icon.svg", `${out}icon.svg`);
const parts = [];
for (const name of ["echarts", "zrender", "tslib"]) {
  const version = JSON.parse(await readFile(`node_modules/${name}/package.json`, "utf8")).version;
  const texts = [];
  for (const file of ["NOTICE", "LICENSE", "LICENSE.txt"]) {
    texts.push(await readFile(`node_modules/${name}/${file}`, "utf8").catch(() => ""));
  }
  parts.push(`${name} ${version}\n\n${texts.filter(Boolean).join("\n\n")}`);
}
await writeFile(`${out}licences.txt`, `app.js holds parts of these programs.\n\n${parts.join(`\n\n${"-".repeat(80)}\n\n`)}`);

const digests = async (folder, names) => Object.fromEntries(await Promise.all(names.sort().map(async (name) => [name, createHash("sha256").update(await readFile(`${folder}${name}`)).digest("hex")])));
const sources = (await readdir("src", { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile()).map((entry) => `${entry.parentPath}/${entry.name}`);
const stamp = {
  sources: await digests("", [...sources, "build.mjs", "package.json", "package-lock.json", "tsconfig.json"]),
  built: await digests(out, ["app.css", "app.js", "icon.svg", "index.html", "licences.txt"]),
};
await writeFile(`${out}bundle.json`, `${JSON.stringify(stamp, null, 1)}\n`);
