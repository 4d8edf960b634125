// The server's API as the page uses it: requests that carry the key, failures with what to do.

export class ApiError extends Error {
  /** status: 0 where there was no answer; retryAfterS: null where the server does not say. */
  constructor(message, { status = 0, code = null, param = null, retryAfterS = null } = {}) {
    super(message);
    Object.assign(this, { status, code, param, retryAfterS });
  }
}

export class Api {
  constructor(key) {
    this.key = key;
  }

  /** Ask whether requests can be served: {status, reason}. */
  async ready() {
    const response = await request("ready", {});
    const { status = "unknown", reason = "" } = await response.json().catch(() => ({}));
    return { status, reason };
  }

  async models() {
    const response = await request("v1/models", { headers: this.headers() });
    if (!response.ok) throw await failure(response);
    return (await response.json()).data;
  }

  /** Send a chat request and yield its chunks; throws ApiError, or what the signal was aborted with. */
  async *chat(body, signal) {
    const headers = { ...this.headers(), "Content-Type": "application/json" };
    const init = { method: "POST", headers, body: JSON.stringify(body), signal };
    const response = await request("v1/chat/completions", init);
    if (!response.ok) throw await failure(response);
    yield* chunks(response, signal);
  }

  headers() {
    return this.key ? { Authorization: `Bearer ${this.key}` } : {};
  }
}

async function request(path, init) {
  try {
    return await fetch(path, { ...init, cache: "no-store", credentials: "omit" });
  } catch (error) {
    init.signal?.throwIfAborted();
    if (!(error instanceof TypeError)) throw error;
    throw new ApiError("The server cannot be reached.");
  }
}

async function failure(response) {
  const { error } = await response.json().catch(() => ({}));
  const seconds = Number.parseFloat(response.headers.get("Retry-After") ?? "");
  return new ApiError(error?.message ?? `The server answered with status ${response.status}.`, {
    status: response.status,
    code: error?.code ?? null,
    param: error?.param ?? null,
    retryAfterS: Number.isFinite(seconds) ? Math.max(0, seconds) : null,
  });
}

/** Yield the chunks of a stream up to its [DONE]; comments are skipped. */
export async function* chunks(response, signal) {
  let rest = "";
  try {
    for await (const text of pieces(response.body)) {
      const lines = (rest + text).split("\n");
      rest = lines.pop();
      for (const line of lines) {
        if (!line.startsWith("data:")) continue;
        const data = line.slice(5).trim();
        if (data === "[DONE]") return;
        const chunk = JSON.parse(data);
        if (chunk.error) throw new ApiError(chunk.error.message, { status: 500, ...chunk.error });
        yield chunk;
      }
    }
  } catch (error) {
    signal?.throwIfAborted();
    if (error instanceof ApiError) throw error;
    throw new ApiError("The connection to the server was lost before the answer was complete.");
  }
  throw new ApiError("The server ended the stream before the answer was complete.");
}

async function* pieces(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield value;
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}
