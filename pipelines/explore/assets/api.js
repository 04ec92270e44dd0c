// Calls to the server. A newer call of one kind cancels the one under way.

export class ApiError extends Error {
  constructor(error, status) {
    super(error.message);
    Object.assign(this, { position: error.position, length: error.length, hints: error.hints ?? [], status });
  }
}

/** Integers that no double holds stay texts, where the browser tells how they were written. */
const exact = (_, value, context) => (typeof value === "number" && Number.isInteger(value) && !Number.isSafeInteger(value) && /^-?\d+$/.test(context?.source ?? "") ? context.source : value);

const address = (name, parameters) => {
  const given = new URLSearchParams();
  for (const [key, value] of Object.entries(parameters)) if (value !== null && value !== undefined && value !== "") given.set(key, value);
  return `/api/${name}?${given}`;
};

/** The answer of a call; throws ApiError, or AbortError if it was cancelled. */
export async function call(name, parameters = {}, signal = undefined) {
  let answer;
  try {
    answer = await fetch(address(name, parameters), { signal, credentials: "same-origin" });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError({ message: "the server does not answer; is `metadata-etl explore` still running?" }, 0);
  }
  const text = await answer.text();
  if (answer.ok) return JSON.parse(text, exact);
  let error = { message: text.trim() || `the server answered ${answer.status}` };
  try {
    error = JSON.parse(text).error;
  } catch { /* no JSON: the text is the message */ }
  throw new ApiError(error, answer.status);
}

/** A call of which only the newest counts: the one before is cancelled. */
export function newest() {
  let controller = null;
  return async (name, parameters) => {
    controller?.abort();
    controller = new AbortController();
    return call(name, parameters, controller.signal);
  };
}

export const cancelled = (error) => error.name === "AbortError";
export const link = address;
