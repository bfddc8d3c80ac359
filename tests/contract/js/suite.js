// Makes each call of the `ai` package through each of its providers over each upstream, and prints a line of JSON for each:
// {"case": "PROVIDER/UPSTREAM/CALL", "wrong": "" or what was wrong}. Arguments: the gateway's address, a key, upstreams.
import { createAnthropic } from "@ai-sdk/anthropic";
import { createGoogle } from "@ai-sdk/google";
import { createOpenAI } from "@ai-sdk/openai";
import { APICallError, generateText, isStepCount, Output, streamText, tool } from "ai";
import { z } from "zod";

const [url, apiKey, ...upstreams] = process.argv.slice(2);
const PIXEL =
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
const openai = createOpenAI({ baseURL: `${url}/v1`, apiKey });
const anthropic = createAnthropic({ baseURL: `${url}/v1`, apiKey });
const google = createGoogle({ baseURL: `${url}/v1beta`, apiKey });
const providers = {
  "openai-chat": (name) => openai.chat(name),
  "openai-responses": (name) => openai.responses(name),
  anthropic: (name) => anthropic(name),
  google: (name) => google(name),
};

function expect(holds, what) {
  if (!holds) throw new Error(what);
}

const weather = {
  get_weather: tool({
    description: "The weather of a city",
    inputSchema: z.object({ city: z.string() }),
    execute: async ({ city }) => `18 degrees in ${city}`,
  }),
  get_time: tool({
    description: "The time in a zone",
    inputSchema: z.object({ zone: z.string() }),
    execute: async ({ zone }) => `noon in ${zone}`,
  }),
};

const calls = {
  async whole(model, name) {
    const { text, usage, finishReason } = await generateText({ model: model(name), system: "Be brief", prompt: "Hello!" });
    expect(text.includes("I read 2 messages"), `said ${text}`);
    expect(finishReason === "stop", `finished by ${finishReason}`);
    expect(usage.totalTokens > 0, `used ${JSON.stringify(usage)}`);
  },
  async stream(model, name) {
    const result = streamText({ model: model(name), prompt: "Hello!", onError: () => {} });
    let text = "";
    for await (const piece of result.textStream) text += piece;
    expect(text.includes("I read 1 message"), `said ${text}`);
    expect((await result.finishReason) === "stop", "did not finish");
  },
  async tools(model, name) {
    const { text, steps } = await generateText({
      model: model(name),
      tools: weather,
      stopWhen: isStepCount(3),
      prompt: "call get_weather and get_time",
    });
    expect(steps.length === 2, `took ${steps.length} steps`);
    expect(text.includes("18 degrees") && text.includes("noon"), `said ${text}`);
  },
  async "tools-streamed"(model, name) {
    const result = streamText({
      model: model(name),
      tools: weather,
      stopWhen: isStepCount(3),
      prompt: "call get_weather and get_time",
      onError: () => {},
    });
    const text = await result.text;
    expect(text.includes("18 degrees") && text.includes("noon"), `said ${text}`);
  },
  async object(model, name) {
    const schema = z.object({ name: z.string(), population: z.number() });
    const { output } = await generateText({ model: model(name), output: Output.object({ schema }), prompt: "A city" });
    expect(typeof output.name === "string" && typeof output.population === "number", JSON.stringify(output));
  },
  async image(model, name) {
    const content = [
      { type: "text", text: "Look" },
      { type: "image", image: `data:image/png;base64,${PIXEL}` },
    ];
    const { text } = await generateText({ model: model(name), messages: [{ role: "user", content }] });
    expect(text.includes("1 image"), `said ${text}`);
  },
  async limited(model, name) {
    const asked = generateText({ model: model(`${name}-limited`), prompt: "Hello!", maxRetries: 0 });
    const error = await asked.then(
      () => null,
      (found) => found,
    );
    expect(APICallError.isInstance(error), `no call's error: ${error}`);
    expect(error.statusCode === 429 && error.isRetryable, `status ${error.statusCode}`);
    expect(error.responseHeaders["retry-after"] === "7", JSON.stringify(error.responseHeaders));
  },
  async left(model, name) {
    const stop = new AbortController();
    const asked = { model: model(`${name}-slow`), prompt: "Hello!", abortSignal: stop.signal, onError: () => {} };
    for await (const piece of streamText(asked).textStream) {
      if (piece) break;
    }
    stop.abort();
  },
};

for (const [provider, model] of Object.entries(providers)) {
  for (const upstream of upstreams) {
    for (const [call, run] of Object.entries(calls)) {
      let wrong = "";
      try {
        await run(model, upstream);
      } catch (error) {
        wrong = `${error?.message ?? error}`.slice(0, 2000);
      }
      console.log(JSON.stringify({ case: `${provider}/${upstream}/${call}`, wrong }));
    }
  }
}
