// Signs or verifies with GitHub's own library: {"do": "sign"|"verify", "secret", "body", "signature"} on standard input.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const require = createRequire(`${process.env.VIRTUAL_ENV}/`);
const found = require.resolve.paths("x").map((folder) => `${folder}/@octokit/webhooks-methods`);
const folder = found.find((path) => {
  try {
    return readFileSync(`${path}/package.json`);
  } catch {
    return false;
  }
});
const { version } = JSON.parse(readFileSync(`${folder}/package.json`, "utf8"));
const { sign, verify } = await import(pathToFileURL(`${folder}/dist-node/index.js`).href).catch(() =>
  import(pathToFileURL(`${folder}/dist-bundle/index.js`).href),
);
const asked = JSON.parse(readFileSync(0, "utf8"));
const answer =
  asked.do === "sign"
    ? await sign(asked.secret, asked.body)
    : await verify(asked.secret, asked.body, asked.signature);
console.log(JSON.stringify({ library: `@octokit/webhooks-methods ${version}`, answer }));
