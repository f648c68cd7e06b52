// Runs the peer that is named and prints what it did as one line of JSON.
const [, , name] = process.argv;
const { run } = await import(`./${name}.mjs`);
console.log(JSON.stringify(await run()));
process.exit(0);
