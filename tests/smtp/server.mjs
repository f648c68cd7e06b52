// A real SMTP server whose behaviour a test controls.
//
// Its argument is the setup: {"tls": {"key", "cert"} or null, "user": {"name", "password"}
// or null}. Each line on standard input may change the behaviour: {"id", "mode" or null},
// confirmed by {"event": "changed", "id"}. Events are lines on standard output; the first one
// has the address. It ends with its standard input.

import { createInterface } from "node:readline";
import { SMTPServer } from "smtp-server";

let mode = "accept";
const greylisted = new Set();

function tell(event) {
  process.stdout.write(`${JSON.stringify(event)}\n`);
}

function refusal(code, message) {
  return Object.assign(new Error(message), { responseCode: code });
}

function hangUp(server, session) {
  for (const connection of server.connections) {
    if (connection.id === session.id) connection._socket.destroy();
  }
}

function onRcptTo(server, address, answer) {
  const refusals = {
    reject: [550, "5.1.1 no such mailbox"],
    reject_by_policy: [550, "5.7.1 your address is on a block list"],
  };
  if (mode === "stall") return;
  if (mode === "greylist" && !greylisted.has(address)) {
    greylisted.add(address);
    answer(refusal(451, "4.7.1 come back later"));
  } else if (refusals[mode]) {
    answer(refusal(...refusals[mode]));
  } else {
    answer();
  }
}

function onData(server, stream, session, answer) {
  const chunks = [];
  stream.on("data", (chunk) => {
    if (mode === "hang_up_in_data") hangUp(server, session);
    chunks.push(chunk);
  });
  stream.on("error", () => {});
  stream.on("end", () => {
    if (mode === "hang_up_in_data") return;
    const refusals = {
      reject_content: [554, "5.7.1 this looks like spam"],
      reject_late: [554, "5.1.1 no such mailbox"],
    };
    if (refusals[mode]) {
      answer(refusal(...refusals[mode]));
      return;
    }
    const { mailFrom, rcptTo } = session.envelope;
    tell({
      event: "mail",
      from: mailFrom.address,
      to: rcptTo.map((receiver) => receiver.address),
      data: Buffer.concat(chunks).toString("utf8"),
      encrypted: Boolean(session.secure),
      user: session.user ?? null,
    });
    if (mode === "hang_up_after_data") hangUp(server, session);
    else answer(null, "2.0.0 taken");
  });
}

function start({ tls, user }) {
  const server = new SMTPServer({
    ...(tls ?? {}),
    hideSTARTTLS: !tls,
    authOptional: !user,
    disabledCommands: user ? [] : ["AUTH"],
    disableReverseLookup: true,
    logger: false,
    onConnect(session, answer) {
      tell({ event: "connection" });
      if (mode === "hang_up") hangUp(server, session);
      else answer();
    },
    onAuth({ username, password }, session, answer) {
      const known = username === user.name && password === user.password;
      if (known) answer(null, { user: username });
      else answer(refusal(535, "5.7.8 wrong user or password"));
    },
    onRcptTo: (address, session, answer) => onRcptTo(server, address.address, answer),
    onData: (stream, session, answer) => onData(server, stream, session, answer),
  });
  server.on("error", () => {});
  server.listen(0, "127.0.0.1", () => tell({ event: "listening", port: server.server.address().port }));
}

start(JSON.parse(process.argv[2]));
const lines = createInterface({ input: process.stdin });
lines.on("line", (line) => {
  const message = JSON.parse(line);
  mode = message.mode ?? mode;
  tell({ event: "changed", id: message.id });
});
lines.on("close", () => process.exit(0));
