// docs/openapi.yaml by a second opinion: the OpenAPI 3.1 schema, then what that cannot say (references, ids, parameters,
// tags, bounds), then every example against its schema by a JSON Schema validator that is not ours. A line per failure.
//   node check.js FILE
import fs from "node:fs";
import { Validator } from "@seriousme/openapi-schema-validator";
import Ajv2020 from "ajv/dist/2020.js";
import addFormats from "ajv-formats";
import { parse } from "yaml";

const methods = ["get", "put", "post", "delete", "patch"];
const text = fs.readFileSync(process.argv[2], "utf8");
const api = parse(text, { version: "1.2", intAsBigInt: false });
let passed = 0;
let failed = 0;

function expect(good, what) {
  if (good) {
    passed += 1;
  } else {
    failed += 1;
    console.log(`FAILED: ${what}`);
  }
}

function at(pointer) {
  const names = pointer.slice(2).split("/").map((each) => each.replaceAll("~1", "/").replaceAll("~0", "~"));
  return names.reduce((value, name) => (value === undefined ? undefined : value[name]), api);
}

const resolve = (value) => (value?.$ref ? resolve(at(value.$ref)) : value);

function walk(value, place, visit) {
  if (value === null || typeof value !== "object") return;
  visit(value, place);
  for (const [name, member] of Object.entries(value)) walk(member, `${place}/${name}`, visit);
}

async function checkStructure() {
  const validator = new Validator();
  const outcome = await validator.validate(structuredClone(api));
  expect(validator.version === "3.1", `version ${validator.version}, not 3.1`);
  expect(outcome.valid, `not OpenAPI 3.1: ${JSON.stringify(outcome.errors, null, 1)}`);
}

// Every component is used, every reference leads somewhere.
function checkReferences() {
  const used = new Set();
  walk(api, "#", (value, place) => {
    if (typeof value.$ref !== "string") return;
    used.add(value.$ref);
    expect(at(value.$ref) !== undefined, `${place}: ${value.$ref} leads nowhere`);
  });
  const spoken = new Set(["#/components/schemas/EventSubscription"]); // over a WebSocket, which OpenAPI cannot say
  for (const [kind, members] of Object.entries(api.components)) {
    if (kind === "securitySchemes") continue;
    for (const name of Object.keys(members)) {
      const pointer = `#/components/${kind}/${name}`;
      expect(used.has(pointer) || spoken.has(pointer), `${pointer} is used by nothing`);
    }
  }
}

// No text and no list without a bound: what is read must end.
function checkBounds() {
  walk(api.components.schemas, "#/components/schemas", (value, place) => {
    const types = [value.type].flat();
    if (types.includes("string")) expect(value.maxLength !== undefined, `${place}: a string without maxLength`);
    if (types.includes("array")) expect(value.maxItems !== undefined, `${place}: an array without maxItems`);
    if (types.includes("object") && !place.endsWith("/openapi.json"))
      expect(value.additionalProperties === false || value.maxProperties !== undefined, `${place}: an object without a bound`);
  });
}

function operations() {
  const all = [];
  for (const [path, item] of Object.entries(api.paths)) {
    for (const method of methods) {
      if (item[method]) all.push({ path, method, item, operation: item[method], place: `${method} ${path}` });
    }
  }
  return all;
}

function checkOperations() {
  const ids = new Set();
  const tags = new Set(api.tags.map((each) => each.name));
  const used = new Set();
  for (const { path, item, operation, place } of operations()) {
    expect(!ids.has(operation.operationId), `${place}: operationId ${operation.operationId} stands twice`);
    ids.add(operation.operationId);
    expect(/^[a-z][A-Za-z]+$/.test(operation.operationId), `${place}: operationId is not camelCase`);
    for (const tag of operation.tags) {
      used.add(tag);
      expect(tags.has(tag), `${place}: tag ${tag} is not described`);
    }
    const parameters = [...(item.parameters ?? []), ...(operation.parameters ?? [])].map(resolve);
    const wanted = [...path.matchAll(/\{([^}]+)\}/g)].map((each) => each[1]).sort();
    const declared = parameters.filter((each) => each.in === "path").map((each) => each.name).sort();
    expect(wanted.join() === declared.join(), `${place}: parameters ${declared} for ${wanted}`);
    for (const each of parameters)
      expect(each.description || each.schema.enum, `${place}: parameter ${each.name} is not described`);
    const statuses = Object.keys(operation.responses);
    expect(statuses.some((each) => each < "400"), `${place}: no answer when all is well`);
    for (const status of statuses.filter((each) => each >= "400"))
      expect(operation.responses[status].$ref, `${place}: the problem ${status} is not a $ref`);
  }
  for (const tag of tags) expect(used.has(tag), `tag ${tag} is used by nothing`);
}

// "required" everywhere but in what x-ashlar-partial covers: a merge patch names only what it changes.
function optional(schema) {
  const copy = structuredClone(schema);
  walk(copy, "", (value) => delete value.required);
  return copy;
}

function checkExamples() {
  const ajv = new Ajv2020({ strict: false, allErrors: true });
  addFormats(ajv);
  ajv.addSchema(api, "api");
  const absolute = (schema) => JSON.parse(JSON.stringify(schema).replaceAll('"#/', '"api#/'));
  const check = (schema, value, place) => {
    const whole = absolute(schema);
    expect(ajv.validate(whole, value), `${place}: ${ajv.errorsText()}`);
  };
  walk(api, "#", (value, place) => {
    if (value.schema && value.example !== undefined && value.in) check(value.schema, value.example, place);
  });
  for (const { operation, place } of operations()) {
    const body = resolve(operation.requestBody);
    for (const [type, media] of Object.entries(body?.content ?? {})) {
      if (type === "text/plain") continue;
      expect(media.example !== undefined, `${place}: ${type} has no example`);
      const value = structuredClone(media.example);
      if (body["x-ashlar-partial"]) {
        for (const [name, member] of Object.entries(value)) if (member === null) delete value[name];
        check(optional(resolve(media.schema)), value, `${place} ${type}`);
      } else {
        check(media.schema, value, `${place} ${type}`);
      }
    }
  }
  for (const [name, schema] of Object.entries(api.components.schemas)) {
    try {
      ajv.compile(absolute(schema));
      expect(true);
    } catch (error) {
      expect(false, `schema ${name}: ${error.message}`);
    }
  }
}

await checkStructure();
checkReferences();
checkBounds();
checkOperations();
checkExamples();
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);
