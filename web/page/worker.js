// The engine's worker: one request at a time, answered in order.
let answer;
globalThis.ready = () => { answer = globalThis.racelab; postMessage({ ready: true }); };
onmessage = async (e) => {
  if (e.data.module) {
    const go = new Go();
    go.run(await WebAssembly.instantiate(e.data.module, go.importObject));
    return;
  }
  postMessage({ id: e.data.id, answer: answer(e.data.request) });
};
