// Runs a Node.js handler: a client of the Lambda Runtime API that needs nothing but Node.js itself.
//
// node bootstrap.mjs FILE.FUNCTION, in the directory of the code. Handlers may be asynchronous, give a promise, or call
// back. Errors have the shapes of the service's own runtime.

import { existsSync } from "node:fs";
import { connect } from "node:net";
import path from "node:path";
import { Writable } from "node:stream";
import { pathToFileURL } from "node:url";

const VERSION = "/2018-06-01/runtime/";
const API = process.env.AWS_LAMBDA_RUNTIME_API;

/** One kept connection. The host answers in order, and sends every answer with a Content-Length. */
class Api {
  constructor() {
    const [host, port] = API.split(":");
    this.forget();
    this.socket = connect({ host, port, noDelay: true });
    this.socket.on("data", (data) => this.take(data));
    this.socket.on("close", () => process.exit(0)); // the host has gone
    this.socket.on("error", () => process.exit(0));
  }

  /** The answer's headers, by lower-case name, and its body as text. */
  call(method, what, body = "", headers = {}) {
    const sent = Buffer.from(body);
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
    const head = `${method} ${VERSION}${what} HTTP/1.1\r\nHost: ${API}\r\n${lines.join("")}`;
    return new Promise((resolve) => {
      this.answered = resolve;
      this.socket.write(Buffer.concat([Buffer.from(`${head}Content-Length: ${sent.length}\r\n\r\n`), sent]));
    });
  }

  /** A call whose body comes in pieces; end() resolves once it is answered. */
  open(what, type) {
    const api = this;
    const answered = new Promise((resolve) => (this.answered = resolve));
    this.socket.write(
      `POST ${VERSION}${what} HTTP/1.1\r\nHost: ${API}\r\nLambda-Runtime-Function-Response-Mode: streaming\r\n` +
        `Content-Type: ${type}\r\nTrailer: Lambda-Runtime-Function-Error-Type\r\nTransfer-Encoding: chunked\r\n\r\n`,
    );
    return {
      write(piece, done) {
        if (!piece.length) return done();
        api.socket.write(Buffer.concat([Buffer.from(`${piece.length.toString(16)}\r\n`), piece, Buffer.from("\r\n")]), done);
      },
      end(error) {
        api.socket.write(error ? `0\r\nLambda-Runtime-Function-Error-Type: ${error.name ?? "Error"}\r\n\r\n` : "0\r\n\r\n");
        return answered;
      },
    };
  }

  take(data) {
    this.pieces.push(data);
    this.size += data.length;
    if (this.size < this.needed) return;
    const received = Buffer.concat(this.pieces);
    this.pieces = [received];
    const end = received.indexOf("\r\n\r\n");
    if (end < 0) return;
    const headers = {};
    for (const line of received.latin1Slice(0, end).split("\r\n").slice(1)) {
      const colon = line.indexOf(":");
      headers[line.slice(0, colon).toLowerCase()] = line.slice(colon + 1).trim();
    }
    this.needed = end + 4 + Number(headers["content-length"] ?? 0);
    if (this.size < this.needed) return;
    const body = received.utf8Slice(end + 4, this.needed);
    this.forget();
    this.answered({ headers, body });
  }

  forget() {
    this.pieces = [];
    this.size = this.needed = 0;
  }
}

class Fault extends Error {
  constructor(name, message) {
    super(message);
    this.name = name;
  }
}

const STREAMED = Symbol("streamed");
const GAP = Buffer.alloc(8);

/** What a handler that awslambda.streamifyResponse marked writes its reply to; the call begins with the first piece. */
class ResponseStream extends Writable {
  constructor(api, what) {
    super();
    Object.assign(this, { api, what, type: "application/octet-stream" });
  }

  setContentType(type) {
    this.type = type;
  }

  begin() {
    this.call ??= this.api.open(this.what, this.type);
    return this.call;
  }

  _write(piece, encoding, done) {
    this.begin().write(Buffer.from(piece, encoding), done);
  }

  _final(done) {
    this.begin().end().then(() => done(), done);
  }
}

globalThis.awslambda = {
  streamifyResponse: (handler) => Object.assign(handler, { [STREAMED]: true }),
  HttpResponseStream: {
    /** The stream again, with status and headers before what is written to it. */
    from(stream, head) {
      stream.setContentType("application/vnd.awslambda.http-integration-response");
      stream.write(JSON.stringify(head));
      stream.write(GAP);
      return stream;
    },
  },
};

/** Returns once the reply is whole. What fails before its first piece is an error as any other. */
async function runStreamed(api, what, handler, event, context) {
  const stream = new ResponseStream(api, what);
  const whole = new Promise((resolve, reject) => stream.on("close", resolve).on("error", reject));
  whole.catch(() => {});
  try {
    await handler(event, stream, context);
  } catch (error) {
    if (!stream.call) throw error;
    console.error(error?.stack ?? `${error}`);
    await stream.call.end(error instanceof Error ? error : new Error(`${error}`));
    return;
  }
  if (!stream.writableEnded) stream.end();
  await whole;
}

/** The handler's module, whichever of the three extensions it has. */
async function load(module) {
  const base = path.resolve(process.cwd(), module);
  const file = [".mjs", ".js", ".cjs"].map((extension) => base + extension).find(existsSync);
  if (!file) throw new Fault("Runtime.ImportModuleError", `Error: Cannot find module '${module}'`);
  try {
    const loaded = await import(pathToFileURL(file));
    return { ...loaded.default, ...loaded };
  } catch (error) {
    throw new Fault(error instanceof SyntaxError ? "Runtime.UserCodeSyntaxError" : "Runtime.ImportModuleError", `${error}`);
  }
}

async function handlerOf(name) {
  const dot = name.indexOf(".", name.lastIndexOf("/") + 1);
  if (dot < 0) throw new Fault("Runtime.MalformedHandlerName", "Bad handler");
  let found = await load(name.slice(0, dot));
  for (const part of name.slice(dot + 1).split(".")) found = found?.[part];
  if (typeof found !== "function") throw new Fault("Runtime.HandlerNotFound", `${name} is undefined or not exported`);
  return found;
}

/** What a handler is told of its invocation, by the service's own names. */
function contextOf(headers) {
  const env = process.env;
  const deadline = Number(headers["lambda-runtime-deadline-ms"]);
  const client = headers["lambda-runtime-client-context"];
  return {
    callbackWaitsForEmptyEventLoop: true,
    functionName: env.AWS_LAMBDA_FUNCTION_NAME,
    functionVersion: env.AWS_LAMBDA_FUNCTION_VERSION,
    invokedFunctionArn: headers["lambda-runtime-invoked-function-arn"],
    memoryLimitInMB: env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
    awsRequestId: headers["lambda-runtime-aws-request-id"],
    logGroupName: env.AWS_LAMBDA_LOG_GROUP_NAME,
    logStreamName: env.AWS_LAMBDA_LOG_STREAM_NAME,
    clientContext: client ? JSON.parse(client) : undefined,
    getRemainingTimeInMillis: () => Math.max(deadline - Date.now(), 0),
  };
}

/** A handler that gives no promise calls back. */
function run(handler, event, context) {
  return new Promise((resolve, reject) => {
    const given = handler(event, context, (error, value) => (error ? reject(error) : resolve(value)));
    if (typeof given?.then === "function") given.then(resolve, reject);
    else if (handler.length < 3) resolve(given);
  });
}

function report(api, what, error) {
  const known = error instanceof Error;
  const document = {
    errorType: known ? error.name : typeof error,
    errorMessage: known ? error.message : `${error}`,
    trace: known ? (error.stack ?? "").split("\n") : [],
  };
  console.error(document.trace.join("\n") || document.errorMessage);
  return api.call("POST", what, JSON.stringify(document), { "Lambda-Runtime-Function-Error-Type": document.errorType });
}

function marshalled(value) {
  try {
    return JSON.stringify(value === undefined ? null : value);
  } catch (error) {
    throw new Fault("Runtime.MarshalError", `Unable to stringify response body: ${error.message}`);
  }
}

const api = new Api();
let handler;
try {
  handler = await handlerOf(process.argv[2]);
} catch (error) {
  await report(api, "init/error", error);
  process.exit(1);
}
for (;;) {
  const { headers, body } = await api.call("GET", "invocation/next");
  const context = contextOf(headers);
  if (headers["lambda-runtime-trace-id"]) process.env._X_AMZN_TRACE_ID = headers["lambda-runtime-trace-id"];
  const place = `invocation/${context.awsRequestId}/`;
  let answer;
  try {
    if (handler[STREAMED]) {
      await runStreamed(api, `${place}response`, handler, JSON.parse(body), context);
      continue;
    }
    answer = marshalled(await run(handler, JSON.parse(body), context));
  } catch (error) {
    await report(api, `${place}error`, error);
    continue;
  }
  await api.call("POST", `${place}response`, answer);
}
