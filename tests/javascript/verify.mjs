// Verifies one webhook with the official library: {secret, headers, body} as JSON on standard input, the event's type on standard output.
import { Webhook } from "standardwebhooks";

let input = "";
for await (const chunk of process.stdin) input += chunk;
const { secret, headers, body } = JSON.parse(input);
try {
  console.log(new Webhook(secret).verify(body, headers).type);
} catch (error) {
  console.error(error.message);
  process.exit(1);
}
