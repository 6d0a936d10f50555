// The lab in a page. The engine runs in a worker; this file shows what it answers.
(async () => {
  const { html, icon } = RaceRun;
  const $ = (id) => document.getElementById(id);
  const on = (id, event, act) => $(id).addEventListener(event, act);
  const kept = { // What the browser keeps; a page from a file may not store.
    get(key) { try { return localStorage.getItem('racelab.' + key) || ''; } catch { return ''; } },
    set(key, value) { try { localStorage.setItem('racelab.' + key, value); } catch { /* as above */ } },
  };

  // Texts.
  const unpacked = (bytes) => new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream('gzip')));
  const { texts: TEXTS, chinese: CHINESE, lessons: LESSONS } = ENGINE.size ? await unpacked(fromUnits('words', ENGINE.words)).json() : JSON.parse($('words').textContent);
  let language = kept.get('language') || (navigator.language.startsWith('zh') ? 'zh' : 'en');
  const t = (key, values = {}) => TEXTS[language][key].replace(/\{(\w+)\}/g, (_, name) => values[name]);
  const many = (key, n, values = {}) => t(key + (n === 1 ? '.1' : '.n'), { n, ...values });
  // local is a text of the engine in the language of the page, if there is one: as it
  // is in the table, or by a pattern with places.
  const patterns = Object.entries(CHINESE).filter(([english]) => english.includes('{0}')).map(([english, text]) => [
    new RegExp('^' + english.replace(/[.*+?^$()|[\]\\]/g, '\\$&').replace(/\{\d\}/g, '(.+?)') + '$'), text, english.match(/\{\d\}/g)]);
  function local(text) {
    if (language !== 'zh' || !text) return text;
    if (CHINESE[text]) return CHINESE[text];
    for (const [pattern, to, places] of patterns) {
      const found = text.match(pattern);
      if (found && (to !== '{0}：{1}' || !found[1].includes(' '))) return to.replace(/\{\d\}/g, (place) => local(found[1 + places.indexOf(place)]));
    }
    return text;
  }
  const say = (text) => { $('live').textContent = text; };
  const number = (n) => n.toLocaleString('en');

  // The engine. A search is cancelled by ending its worker; the next one is of the
  // same module, and begins where the page stands.
  let module, worker, waiting = {}, asked = 0;
  async function load() {
    let bytes;
    if (ENGINE.size) bytes = fromUnits('engine', ENGINE.size);
    else bytes = new Uint8Array(await (await fetch(ENGINE.url)).arrayBuffer());
    if (bytes[0] === 0x1f && bytes[1] === 0x8b) { // A host may have unpacked it already.
      bytes = await unpacked(bytes).arrayBuffer();
    }
    module = await WebAssembly.compile(bytes);
  }
  // fromUnits reads what units() of main.go writes.
  function fromUnits(id, size) {
    const text = $(id).textContent, out = new Uint16Array(text.length);
    let n = 0;
    for (let i = 0; i < text.length; i++) {
      const unit = text.charCodeAt(i);
      out[n++] = unit === 0xe000 ? text.charCodeAt(++i) ^ 0x8000 : unit;
    }
    return new Uint8Array(out.buffer, 0, size);
  }
  const workerURL = URL.createObjectURL(new Blob([$('worker').textContent], { type: 'text/javascript' }));
  function start() {
    return new Promise((resolve, reject) => {
      worker = new Worker(workerURL);
      worker.onerror = (e) => reject(new Error(e.message));
      worker.onmessage = (e) => {
        if (e.data.ready) return resolve();
        const { done, failed } = waiting[e.data.id];
        delete waiting[e.data.id];
        const { error, result } = JSON.parse(e.data.answer);
        if (error) failed(new Error(error)); else done(result);
      };
      worker.postMessage({ module });
    });
  }
  const ask = (op, request = {}) => new Promise((done, failed) => {
    waiting[++asked] = { done, failed };
    worker.postMessage({ id: asked, request: JSON.stringify({ op, ...request }) });
  });
  class Cancelled extends Error {}
  async function cancel() {
    worker.terminate();
    const left = Object.values(waiting);
    waiting = {};
    await start();
    if (here.tried) await ask('try', { ...here.tried, schedule: run.schedule.join('; ') });
    else if (here.look) await ask('open', { scenario: here.look.scenario, variant: here.look.variant, set: here.look.changed, goal: here.look.goal, schedule: run.schedule.join('; ') });
    left.forEach((w) => w.failed(new Cancelled()));
  }

  // LIMIT is how many states a question may look at here. Beyond it the page gives the
  // command, which is ten times as fast.
  const LIMIT = 60000;

  // What is shown.
  let list, run;
  const here = { look: null, tried: null, cursor: 0, folded: false, culprit: null, busy: false };

  // work shows that a question is being answered, in a box, with a way out.
  async function work(box, text, act) {
    if (here.busy) return;
    busy(true);
    box.replaceChildren(html('div', { id: 'status', role: 'status' }, text + ' ', html('button', { class: 'link', onclick: cancel }, t('cancel'))));
    try {
      await act();
    } catch (e) {
      box.replaceChildren(html('div', {}, e instanceof Cancelled ? t('cancelled') : local(e.message)));
    }
    busy(false);
  }

  // busy keeps a second question from being asked before the first is answered.
  function busy(is) {
    here.busy = is;
    if ($('grade')) $('grade').disabled = is;
    choices();
  }

  // quick asks for what takes no search, and shows it.
  async function quick(op, request, tried) {
    if (here.busy) return;
    try {
      show(await ask(op, request), tried);
    } catch (e) {
      $('answer').replaceChildren(html('div', {}, local(e.message)));
    }
  }

  function show(look, tried = here.tried) {
    here.look = look;
    here.tried = tried || null;
    run = look.run;
    for (const b of [...run.broken, ...run.steps.flatMap((s) => s.broke || [])]) [b.error, b.meaning] = [local(b.error), local(b.meaning)];
    run.do = local(run.do);
    for (const w of run.waits) w.for = local(w.for);
    here.cursor = run.steps.length;
    here.culprit = null;
    if (!here.busy) $('answer').replaceChildren();
    $('why').replaceChildren();
    $('reach').replaceChildren();
    if (look.note) $('answer').replaceChildren(html('div', {}, t('rebased', { note: look.note })));
    if (!here.tried) address(look.link);
    subject();
    draw();
    const last = run.steps[run.steps.length - 1];
    if (last) say([last.event, ...(last.broke || []).map((b) => b.property + ': ' + b.error)].join('. '));
  }

  let shownAddress = '';
  function address(link) {
    shownAddress = link;
    try { history.replaceState(null, '', '#' + link); } catch { location.hash = link; }
  }

  // subject fills what is chosen in the head.
  function subject() {
    const { look } = here, race = list.races.find((r) => r.name === look.scenario);
    const fill = (id, label, options, value) => {
      $(id).setAttribute('aria-label', label);
      $(id).replaceChildren(...options);
      $(id).value = value;
    };
    const option = (value, text) => html('option', { value }, text);
    const groups = [...new Set(list.races.map((r) => r.group))].map((g) => html('optgroup', { label: local(g) }, list.races.filter((r) => r.group === g).map((r) => option(r.name, r.name))));
    if (here.tried) groups.unshift(option('', here.tried.exercise));
    fill('scenario', t('scenario'), groups, here.tried ? '' : look.scenario);
    fill('variant', t('variant'), race ? race.variants.map((v) => option(v.name, v.name + (v.release ? ' — ' + local(v.release) : ''))) : [option('', t('yours'))], race ? look.variant : '');
    const changed = look.changed.join(' ');
    const settings = race ? race.settings.map((s) => option(s.name, s.name + (s.changes ? ': ' + s.changes : ''))) : [option('', look.setting)];
    if (race && !look.setting && changed) settings.unshift(option('', changed));
    fill('setting', t('setting'), settings, race && look.setting ? look.setting : '');
    if (race && !look.setting && !changed) $('setting').value = race.settings[0].name;
    fill('goal', t('goal'), look.goals.map((g) => option(g, g)), look.goal);
    for (const id of ['variant', 'setting']) $(id).disabled = $(id).options.length < 2;
  }

  function draw() {
    const n = run.steps.length, { look, cursor } = here;
    intro(n);
    RaceRun.draw($('run'), look, {
      cursor, folded: here.folded, culprit: here.culprit, pick: go,
      kinds: Object.fromEntries(['task', 'node', 'timer', 'network'].map((k) => [k, t('kind.' + k)])),
    });
    RaceRun.drawState($('state'), look, cursor);
    $('stateName').textContent = cursor ? t('state', { n: cursor }) : t('state.start');
    $('moves').textContent = many('moves', n);
    range.max = n;
    range.value = cursor;
    at.textContent = cursor + ' / ' + n;
    $('link').hidden = !!here.tried;
    $('command').hidden = !run.repeat || !!here.tried;
    reached();
    choices();
  }

  function intro(n) {
    const race = list.races.find((r) => r.name === here.look.scenario), note = html('p', { class: 'note' }, t('hint.play'));
    if (n > 0 || !race && !here.tried) return $('intro').replaceChildren();
    if (here.tried) {
      const x = list.exercises.find((e) => e.ID === here.tried.exercise);
      return $('intro').replaceChildren(html('h1', {}, local(x.Title) + (language === 'zh' ? '：' : ': ') + t('yours')), note);
    }
    const variant = race.variants.find((v) => v.name === here.look.variant);
    const claim = race.claims.find((c) => c.name === here.look.goal);
    const item = (name, text) => (text ? [html('dt', {}, name), html('dd', {}, text)] : []);
    $('intro').replaceChildren(html('h1', {}, local(race.title)), html('p', {}, local(race.stake)),
      html('dl', {}, item(t('release'), local(variant.release)), item(t('does'), local(variant.does)), item(t('claims'), claim && local(claim.says))),
      note);
  }

  function reached() {
    const step = here.look.reached;
    if (!step) return $('reached').replaceChildren();
    const broken = run.broken.find((b) => b.property === here.look.goal);
    $('reached').replaceChildren(html('b', {}, many('reached', step)), html('p', {}, broken.error.replace(/^./, (c) => c.toUpperCase()) + (broken.meaning ? t('sentence') + broken.meaning : '')),
      ...(run.do ? [html('p', {}, html('b', { class: 'do' }, t('do')), ' ' + run.do)] : []),
      html('button', { class: 'button', id: 'whyButton', onclick: why }, t('why'), html('kbd', { style: 'color:inherit;margin-left:8px' }, 'W')));
  }

  function choices() {
    if (!here.look) return;
    const n = run.steps.length;
    for (const id of ['undo', 'ahead', 'shortest']) $(id).disabled = here.busy;
    $('undo').disabled ||= n === 0;
    if (here.cursor < n) {
      return $('next').replaceChildren(html('p', {}, t('past', { k: here.cursor, n }) + ' '),
        html('button', { class: 'button', disabled: here.busy, onclick: () => quick('undo', { n: n - here.cursor }) }, t('on')));
    }
    const buttons = run.next.map((c, i) => html('button', { class: 'choice', disabled: here.busy, onclick: () => take(i) },
      html('kbd', {}, i < 9 ? String(i + 1) : ''),
      html('span', { class: 'event' }, c.event, c.fault ? html('span', { class: 'message' }, t('fault')) : null, c.message ? html('span', { class: 'message' }, c.message) : null)));
    const waits = run.waits.map((w) => html('div', { class: 'waits' }, t('waits', { event: w.event, for: w.for })));
    if (!buttons.length) buttons.push(html('p', {}, t(run.waits.length ? 'ended.stuck' : 'ended.finished') + (run.broken.length ? '' : ' ' + t('held'))));
    $('next').replaceChildren(...buttons, ...waits);
  }

  const take = (i) => { if (i < run.next.length && here.cursor === run.steps.length) quick('take', { n: i }); };
  const undo = () => { if (run.steps.length) quick('undo', { n: 1 }); };
  const go = (n) => {
    here.cursor = Math.max(0, Math.min(run.steps.length, n));
    draw();
    if (here.cursor) say(run.steps[here.cursor - 1].event);
  };

  // searched asks a question that a search answers, and shows the answer; with the way
  // to it, if that is wanted. The texts are those of the key.
  async function searched(box, key, op, request, way) {
    if (here.cursor < run.steps.length) await quick('undo', { n: run.steps.length - here.cursor });
    await work(box, t('searching'), async () => {
      const a = await ask(op, { n: LIMIT, ...request });
      const small = (text) => html('span', { class: 'small' }, ' ' + text);
      if (a.now) {
        box.replaceChildren(html('div', {}, t(key === 'ahead' ? 'ahead.now' : 'reach.now')));
      } else if (a.schedule) {
        const n = a.schedule.length;
        box.replaceChildren(html('div', {}, many(key, n), small(t('ahead.states', { n: number(a.states) }))));
        if (way) {
          box.append(html('ol', {}, a.schedule.map((s) => html('li', {}, s))),
            html('button', { class: 'button', onclick: () => quick('play', { schedule: [...run.schedule, ...a.schedule].join('; ') }) }, t('ahead.play')));
        }
      } else if (a.complete) {
        box.replaceChildren(html('div', {}, a.states === 1 ? t('ahead.end') : t(key + '.no', { n: number(a.states) })));
      } else {
        box.replaceChildren(html('div', {}, t('ahead.more', { n: number(a.states) })), html('code', {}, here.look.explore));
      }
    });
  }
  // ahead asks whether the goal can still break from here, reach whether the state can
  // become what is typed.
  const ahead = (way) => searched($('answer'), 'ahead', 'ahead', {}, way);
  const reach = () => $('question').value.trim() && searched($('reach'), 'reach', 'reach', { text: $('question').value }, true);

  async function why() {
    if (!here.look.reached) return;
    const box = $('why');
    await work(box, t('working'), async () => {
      const w = await ask('why');
      here.culprit = w.orders || [];
      const orders = here.culprit.map((o, i) => html('li', {}, html('span', { class: 'order' },
        o.later_at ? t(here.look.goals.includes(o.object) ? 'why.judged' : 'why.order', { earlier: o.earlier, i: o.earlier_at, later: o.later, j: o.later_at, object: o.object })
          : t('why.held', { earlier: o.earlier, i: o.earlier_at, later: o.later, object: o.object })),
      html('button', { class: 'link', onclick: () => reverse(i) }, t('reverse'))));
      const n = orders.length, key = !w.known ? 'why.none' : n === 0 ? 'why.0' : n === 1 ? 'why.1' : 'why.n';
      box.replaceChildren(html('h2', {}, t('why')), html('p', {}, t(key, { k: n, n: number(w.states) })), html('ol', {}, orders),
        ...(w.released ? [html('p', { class: 'released' }, t(w.handed ? 'why.handed' : 'why.searched')), command(w.released)] : []));
      draw();
    });
  }

  const reverse = (i) => work($('answer'), t('searching'), async () => {
    const look = await ask('reverse', { n: i });
    show(look);
    $('answer').replaceChildren(html('div', {}, t('reversed', { n: i + 1 })));
  });

  // The bar below.
  const range = html('input', { type: 'range', min: 0, max: 0, oninput: () => go(+range.value) });
  const at = html('span', { class: 'at' });
  const tool = (id, name, act) => html('button', { class: 'icon', id, onclick: act }, icon(name));
  async function copied(text) { await RaceRun.copy(text); say(t('copied')); at.textContent = t('copied'); setTimeout(() => { at.textContent = here.cursor + ' / ' + run.steps.length; }, 1200); }
  // command is a line for a terminal, and a button that copies it.
  const command = (text) => html('div', { class: 'command' }, html('code', {}, text), html('button', { class: 'icon', title: t('copy'), 'aria-label': t('copy'), onclick: () => copied(text) }, icon('terminal')));
  $('bar').append(tool('first', 'first', () => go(0)), tool('prev', 'back', () => go(here.cursor - 1)), tool('forth', 'next', () => go(here.cursor + 1)),
    tool('last', 'last', () => go(run.steps.length)), range, at, tool('fold', 'fold', () => { here.folded = !here.folded; draw(); }),
    tool('link', 'link', () => copied(location.href.split('#')[0] + '#' + here.look.link)), tool('command', 'terminal', () => copied(run.repeat)));

  // Lessons. What is folded opens once the learner has written down a bet. Beside a lesson
  // stands the race that it plays first.
  let lessonRace, lesson = kept.get('lesson') || LESSONS[0].id;
  const lessonIDs = [...new Set(LESSONS.map((l) => l.id))];
  const lessonOf = (id) => LESSONS.find((l) => l.id === id && l.language === language) || LESSONS.find((l) => l.id === id);
  function openLesson(id) {
    lesson = lessonIDs.includes(id) ? id : LESSONS[0].id;
    kept.set('lesson', lesson);
    drawLesson();
    tab('lesson');
    $('lesson').scrollTop = 0;
    if (lessonRace && here.look) quick('open', lessonRace, null);
  }
  function drawLesson() {
    lessonRace = null;
    const l = lessonOf(lesson), text = html('div', { class: 'text' });
    const chooser = html('select', { 'aria-label': t('tab.lesson'), onchange: () => openLesson(chooser.value) },
      lessonIDs.map((id) => html('option', { value: id }, local(lessonOf(id).title))));
    chooser.value = l.id;
    text.innerHTML = l.html;
    text.querySelectorAll('details:not(.hint)').forEach((details, i) => {
      const key = `bet.${l.id}.${i}`, bet = html('input', { class: 'bet', placeholder: t('lesson.bet'), 'aria-label': t('lesson.bet'), oninput: () => kept.set(key, bet.value) });
      bet.value = kept.get(key);
      details.before(bet);
      details.firstElementChild.addEventListener('click', (e) => {
        if (details.open || bet.value.trim()) return;
        e.preventDefault();
        bet.focus();
        say(t('lesson.bet.first'));
      });
    });
    for (const code of text.querySelectorAll('pre > code')) {
      const played = code.textContent.match(/^simrun play (\S+?)(?:\/(\S+))?(?: --goal (\S+))?\s*$/);
      if (played) {
        const [, scenario, variant = '', goal = ''] = played, race = { scenario, variant, goal };
        lessonRace ||= race;
        code.parentNode.after(html('div', { class: 'buttons' }, html('button', { class: 'button play', onclick: () => { tab('play'); quick('open', race, null); } }, t('lesson.play'))));
      }
    }
    for (const link of text.querySelectorAll('a[href^="https:"]')) link.target = '_blank';
    const next = lessonIDs[lessonIDs.indexOf(l.id) + 1];
    $('lesson').replaceChildren(html('div', { class: 'title' }, chooser), text,
      next ? html('button', { class: 'button', onclick: () => openLesson(next) }, t('lesson.next', { title: local(lessonOf(next).title) })) : '');
  }

  // Exercises.
  let exercise, verdict;
  function openExercise(id) {
    exercise = list.exercises.find((e) => e.ID === id) || list.exercises[0];
    verdict = null;
    kept.set('exercise', exercise.ID);
    drawExercise();
    tab('exercise');
    $('exercise').scrollTop = 0;
    openText();
  }
  // openText opens the text in its world, to be played. A text that cannot be read, or
  // an exercise about numbers, leaves what is shown; complain is where to say why.
  async function openText(complain) {
    if (here.busy || !here.look) return;
    const what = { exercise: exercise.ID, text: $('text').value };
    try {
      show(await ask('try', what), what);
      if (complain) tab('play');
    } catch (e) {
      if (complain) complain.replaceChildren(html('p', {}, local(e.message)));
    }
  }
  const answerOf = (x) => kept.get('answer.' + x.ID) || x.Skeleton;
  function drawExercise() {
    const x = exercise, box = $('exercise');
    const chooser = html('select', { 'aria-label': t('tab.exercise'), onchange: () => openExercise(chooser.value) },
      list.exercises.map((e) => html('option', { value: e.ID }, e.ID.replace(/-.*/, ' ') + local(e.Title) + (kept.get('done.' + e.ID) ? ' ✓' : ''))));
    chooser.value = x.ID;
    const text = html('textarea', {
      id: 'text', spellcheck: 'false', autocapitalize: 'off', 'aria-label': t('editor'),
      oninput: () => { kept.set('answer.' + x.ID, text.value); fit(); },
      onkeydown: (e) => {
        if (e.key === 'Escape') $('grade').focus(); // Else the key Tab would never leave the text.
        if (e.key === 'Tab' && !e.shiftKey) { e.preventDefault(); text.setRangeText('\t', text.selectionStart, text.selectionEnd, 'end'); kept.set('answer.' + x.ID, text.value); }
        if (e.key === 'Enter' && (e.ctrlKey || e.metaKey)) { e.preventDefault(); grade(); }
      },
    });
    text.value = answerOf(x);
    const fit = () => { text.rows = Math.max(4, text.value.split('\n').length + 1); };
    fit();
    const hints = x.Hints.map((hint, i) => html('details', {}, html('summary', {}, t('hint', { n: i + 1 })), local(hint)));
    box.replaceChildren(html('div', { class: 'title' }, chooser),
      html('p', { class: 'story' }, local(x.Story), html('span', { class: 'minutes' }, ' ' + t('minutes', { n: x.Minutes }))), html('h3', {}, t('task')), html('p', {}, local(x.Task)),
      html('h3', {}, t('words')), html('ul', { class: 'words' }, x.Words.map((w) => html('li', {}, html('code', {}, w.Name), ' ' + local(w.Does)))),
      html('div', { class: 'editor' }, html('code', {}, x.Hole), text, html('code', {}, '}')),
      html('div', { class: 'buttons' }, html('button', { class: 'button primary', id: 'grade', onclick: grade }, t('grade'), html('kbd', {}, 'G')),
        html('button', { class: 'button', id: 'playText', onclick: () => openText($('verdict')) }, t('playtext')),
        html('button', { class: 'button', onclick: () => { text.value = x.Skeleton; kept.set('answer.' + x.ID, ''); fit(); } }, t('reset'))),
      html('div', { id: 'verdict', 'aria-live': 'polite' }), ...hints);
    if (verdict) drawVerdict();
  }

  async function grade() {
    const box = $('verdict'), text = $('text').value, x = exercise;
    await work(box, t('grading'), async () => {
      verdict = await ask('grade', { exercise: x.ID, text });
      verdict.text = text;
      if (verdict.outcome === 'holds') kept.set('done.' + x.ID, '1');
      drawVerdict();
      if (verdict.outcome !== 'unreadable') {
        try { show(await ask('try', playing()), playing()); } catch { /* It is about numbers. */ }
      }
    });
  }
  const playing = () => ({ exercise: verdict.id, text: verdict.text, world: verdict.world, goal: verdict.property, schedule: verdict.schedule });

  function drawVerdict() {
    const v = verdict, holds = v.outcome === 'holds', name = html('input', { 'aria-label': t('name'), placeholder: t('name'), oninput: () => kept.set('name', name.value) });
    name.value = kept.get('name');
    const outcome = t(holds ? 'holds' : v.outcome === 'unreadable' ? 'unreadable' : 'notyet');
    $('verdict').replaceChildren(html('div', { class: 'verdict' + (holds ? ' holds' : ''), 'data-outcome': v.outcome },
      html('div', { class: 'outcome' }, outcome), html('p', {}, local(v.headline).replace(/^(NOT YET|HOLDS|UNREADABLE)[.,:]?\s*/, '').replace(/^[a-z]+(?= )/, (word) => word[0].toUpperCase() + word.slice(1))),
      v.price ? html('p', {}, html('b', {}, t('price')), ' ' + local(v.price.says)) : null,
      v.means ? html('p', {}, local(v.means)) : null,
      ...(v.culprit ? [html('p', {}, local(v.culprit[0])), html('ul', {}, v.culprit.slice(1).map((c) => html('li', {}, local(c))))] : []),
      v.schedule ? html('p', {}, t('shortestrun', { n: v.steps, world: v.world })) : null,
      v.next ? html('p', {}, local(v.next)) : null,
      ...(v.released ? [html('p', {}, t('released')), command(v.released)] : [])),
    html('div', { class: 'mine' }, name, html('button', { class: 'button', id: 'mine', onclick: () => copied(line(name.value)) }, t('line'))));
    $('verdict').scrollIntoView({ block: 'nearest' });
  }

  // The class. A line is: WHO: GRADE # TEXT, the grade as exercise.Entry has it.
  const packed = (text) => btoa(String.fromCharCode(...new TextEncoder().encode(text)));
  const textOf = (text) => { try { return new TextDecoder().decode(Uint8Array.from(atob(text), (c) => c.charCodeAt(0))); } catch { return ''; } };
  const line = (who) => (who.replace(/[:#\s]+/g, ' ').trim() || '?') + ': ' + verdict.line_of_board + ' # ' + packed(verdict.text);
  const read = (e) => ({
    who: e.line.slice(0, e.line.indexOf('racelab ')).replace(/[:\s]+$/, '') || '?', id: e.ID, hash: e.Hash, outcome: e.Outcome, what: e.What, states: e.States,
    text: textOf(e.line.split(' # ')[1] || ''),
  });
  function drawBoard() {
    const table = html('div', { id: 'class' });
    const area = html('textarea', { id: 'lines', 'aria-label': t('board.lines'), placeholder: 'racelab | …', oninput: () => { kept.set('lines', area.value); fill(); } });
    area.value = kept.get('lines');
    async function fill() {
      const all = await ask('entries', { text: area.value }), lines = all.filter((e) => e.ID).map(read);
      if (!lines.length) return table.replaceChildren(html('p', {}, all.length ? many('board.bad', all.length) : t('board.none')));
      const ids = [...new Set(lines.map((l) => l.id))].sort(), who = [...new Set(lines.map((l) => l.who))].sort();
      const cell = (w, id) => {
        const own = lines.filter((l) => l.who === w && l.id === id), last = own.find((l) => l.outcome === 'holds') || own[own.length - 1];
        if (!last) return html('td', {});
        return html('td', { class: last.outcome === 'holds' ? 'yes' : 'no', title: last.what }, last.outcome === 'holds' ? '✓ ' + last.states : last.outcome);
      };
      const groups = Object.values(lines.reduce((g, l) => { (g[l.id + l.hash] ||= []).push(l); return g; }, {}))
        .sort((a, b) => (a[0].id < b[0].id ? -1 : a[0].id > b[0].id ? 1 : b.length - a.length));
      table.replaceChildren(html('div', { class: 'scroll' }, html('table', {}, html('tr', {}, html('th', {}, t('board.who')), ids.map((id) => html('th', {}, id.replace(/-.*/, '')))),
        who.map((w) => html('tr', {}, html('td', {}, w), ids.map((id) => cell(w, id)))))),
      html('h2', {}, t('board.same')),
      ...groups.flatMap((g) => [html('div', {}, t('board.times', { n: g.length }) + ' ' + g[0].id + ' ', html('span', { class: g[0].outcome === 'holds' ? 'yes' : 'no' }, g[0].outcome + (g[0].what ? ': ' + g[0].what : ''))),
        g[0].text ? html('pre', {}, g[0].text) : null].filter(Boolean)),
      lines.length < all.length ? html('p', { class: 'no' }, many('board.bad', all.length - lines.length)) : '');
    }
    $('board').replaceChildren(html('p', {}, t('board.help')), area, table);
    fill();
  }

  // Tabs, language, keys.
  function tab(name) {
    document.querySelector('main').classList.toggle('reading', name === 'lesson');
    if (here.look) draw();
    for (const b of document.querySelectorAll('nav button')) b.setAttribute('aria-selected', b.dataset.tab === name);
    for (const p of document.querySelectorAll('.panel')) p.classList.toggle('on', p.id === name);
    kept.set('tab', name);
  }
  function write() {
    document.documentElement.lang = language === 'zh' ? 'zh-CN' : 'en';
    for (const e of document.querySelectorAll('[data-t]')) e.textContent = t(e.dataset.t);
    const labels = { first: 'start', prev: 'back', forth: 'forth', last: 'end', fold: 'fold', link: 'link', command: 'command', theme: 'theme' };
    for (const [id, key] of Object.entries(labels)) { $(id).setAttribute('aria-label', t(key)); $(id).title = t(key); }
    range.setAttribute('aria-label', t('steps'));
    $('run').setAttribute('aria-label', t('steps'));
    for (const [id, key] of Object.entries({ undo: '', ahead: '?', shortest: '!' })) $(id).replaceChildren(...[t(id), key ? html('kbd', {}, key) : null].filter(Boolean));
    for (const key of ['placeholder', 'ariaLabel']) $('question')[key] = t('reach');
    $('language').textContent = t('language');
    drawLesson();
    if (list) { quick('look', {}); drawExercise(); drawBoard(); }
  }
  for (const b of document.querySelectorAll('nav button')) b.addEventListener('click', () => tab(b.dataset.tab));
  on('language', 'click', () => { language = language === 'en' ? 'zh' : 'en'; kept.set('language', language); write(); });
  on('undo', 'click', undo);
  on('ahead', 'click', () => ahead(false));
  on('question', 'keydown', (e) => { if (e.key === 'Enter') { e.preventDefault(); reach(); } });
  on('state', 'click', (e) => {
    const row = e.target.closest('tr');
    if (!row) return;
    $('question').value = [...row.querySelectorAll('td:not(.value)')].map((d) => d.textContent).filter(Boolean).join(' ') + ' = ';
    $('question').focus();
  });
  on('shortest', 'click', () => ahead(true));
  on('scenario', 'change', (e) => e.target.value && quick('open', { scenario: e.target.value }, null));
  on('variant', 'change', (e) => quick('open', { scenario: here.look.scenario, variant: e.target.value, set: here.look.changed, goal: '', schedule: run.schedule.join('; ') }, null));
  on('setting', 'change', (e) => quick('open', { scenario: here.look.scenario, variant: here.look.variant, setting: e.target.value, goal: here.look.goal }, null));
  on('goal', 'change', (e) => quick('aim', { goal: e.target.value }));
  // visit goes where a link of a text leads, and says whether it is one.
  function visit(link) {
    const [, kind, id] = link.match(/^(lesson|exercise)=(.*)$/) || [];
    if (kind === 'lesson') openLesson(id);
    if (kind === 'exercise') openExercise(id);
    if (kind && here.look) address(here.tried ? '' : here.look.link); // The same link may be followed again.
    return !!kind;
  }
  addEventListener('hashchange', (e) => {
    const link = new URL(e.newURL).hash.slice(1); // An answer may have changed the address since.
    if (link !== shownAddress && !visit(link)) quick('link', { link }, null);
  });
  addEventListener('resize', () => here.look && draw());
  addEventListener('keydown', (e) => {
    if (!here.look || e.ctrlKey || e.metaKey || e.altKey || /^(INPUT|TEXTAREA|SELECT)$/.test(e.target.tagName)) return;
    const act = {
      ArrowLeft: () => go(here.cursor - 1), ArrowRight: () => go(here.cursor + 1), ArrowUp: () => go(here.cursor - 1), ArrowDown: () => go(here.cursor + 1),
      Home: () => go(0), End: () => go(run.steps.length), Backspace: undo, u: undo, '?': () => ahead(false), '!': () => ahead(true), w: why, f: () => $('fold').click(),
      g: () => { tab('exercise'); grade(); },
    }[e.key.length === 1 ? e.key.toLowerCase() : e.key] || (/^[1-9]$/.test(e.key) ? () => take(+e.key - 1) : null);
    if (act) { e.preventDefault(); act(); }
  });

  async function begin() {
    $('theme').append(icon('light'));
    RaceRun.theme($('theme'));
    tab(kept.get('tab') || 'lesson');
    write();
    $('run').replaceChildren(html('p', { class: 'says' }, t('starting')));
    try {
      await load();
      await start();
      list = await ask('list');
    } catch (e) {
      $('run').replaceChildren(html('p', { class: 'says' }, t('failed', { error: e.message })));
      return;
    }
    exercise = list.exercises.find((e) => e.ID === kept.get('exercise')) || list.exercises[0];
    const link = location.hash.slice(1), isText = visit(link);
    let look, failed;
    if (link && !isText) try { look = await ask('link', { link }); } catch (e) { failed = e; }
    show(look || await ask('open', $('lesson').classList.contains('on') && lessonRace || { scenario: 'lost-update' }), null);
    if (look || failed) tab('play');
    if (failed) $('answer').replaceChildren(html('div', {}, failed.message));
    drawExercise();
    drawBoard();
    if (!look && !failed && $('exercise').classList.contains('on')) await openText();
    document.documentElement.dataset.ready = Math.round(performance.now());
  }
  window.racelab = { ask: (op, request) => ask(op, request), openLesson }; // for tests, and the curious
  begin();
})().catch((e) => { document.getElementById('run').textContent = e.message; });
