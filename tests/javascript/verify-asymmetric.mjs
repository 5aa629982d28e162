// Verifies one webhook with node's own crypto: {publicKey, headers, body} as JSON on standard input, the event's type on standard output.
import { createPublicKey, verify } from "node:crypto";

let input = "";
for await (const chunk of process.stdin) input += chunk;
const { publicKey, headers, body } = JSON.parse(input);
const x = Buffer.from(publicKey.replace(/^whpk_/, ""), "base64").toString("base64url");
const key = createPublicKey({ key: { kty: "OKP", crv: "Ed25519", x }, format: "jwk" });
const content = Buffer.from(`${headers["webhook-id"]}.${headers["webhook-timestamp"]}.${body}`);
const recent = Math.abs(Date.now() / 1000 - Number(headers["webhook-timestamp"])) <= 300;
const signed = headers["webhook-signature"].split(" ").some((entry) => {
  const [version, signature] = entry.split(",");
  return version === "v1a" && verify(null, content, key, Buffer.from(signature, "base64"));
});
if (!recent || !signed) process.exit(1);
console.log(JSON.parse(body).type);
