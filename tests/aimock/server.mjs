// aimock with the fixtures of the first argument. Its address is the first line of output; it
// ends with its input.
import { LLMock } from "@copilotkit/aimock";

const mock = new LLMock({ host: "127.0.0.1", port: 0, strict: true, logLevel: "silent" });
mock.addFixturesFromJSON(process.argv[2]);
console.log(JSON.stringify({ url: await mock.start() }));
process.stdin.resume().on("end", () => process.exit(0));
