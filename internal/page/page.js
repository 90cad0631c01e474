"use strict";
// Makes the list of records searchable, and shows it a page at a time. All text
// goes into the page as text: nothing here makes markup of a string.
(() => {
  const PAGE = 200; // rows that are quick to lay out
  const TYPING = 150; // milliseconds to wait for the next key

  // The places of a record's fields in its array. What is empty at its end is
  // not there; the verb, which is the first word of the line, is added here.
  const AT = 0, CONN = 1, SEQ = 2, WAY = 3, LINE = 4, PAYLOAD = 5, SIZE = 6, REPLY = 7, REMARKS = 8, TROUBLE = 9, VERB = 10;

  const byId = (id) => document.getElementById(id);
  const records = JSON.parse(byId("data").textContent);
  for (const r of records) {
    for (let n = r.length; n < VERB; n++) r.push("");
    r.push(r[LINE].split(" ", 1)[0]);
  }
  const form = byId("filter"), body = byId("rows"), pager = document.querySelector(".pager");
  let found = records.map((_, i) => i); // that pass the filter
  let page = 0;
  let haystack = null; // what text is searched in, made when first needed

  // time tells milliseconds since 1970 as the page tells times.
  const time = (ms) => new Date(ms).toISOString().slice(0, 23).replace("T", " ");

  // element makes the row of a record from the template.
  function element(i) {
    const r = records[i];
    const row = byId("row").content.firstElementChild.cloneNode(true);
    row.id = "r" + (i + 1);
    row.classList.toggle("trouble", Boolean(r[TROUBLE]));
    const texts = {
      number: i + 1, at: time(r[AT]), ref: r[CONN] + "#" + r[SEQ], way: r[WAY], line: r[LINE],
      reply: r[REPLY], remarks: r[REMARKS], payload: r[PAYLOAD],
      "payload-head": r[SIZE] ? `payload, ${r[SIZE]} ${r[SIZE] === 1 ? "byte" : "bytes"}` : "payload",
    };
    for (const e of row.querySelectorAll("[data-f]")) e.textContent = texts[e.dataset.f];
    if (!r[REPLY]) row.querySelector(".reply").remove();
    if (!r[REMARKS]) row.querySelector(".remarks").remove();
    if (!r[PAYLOAD]) row.querySelector("details").remove();
    return row;
  }

  function pages() {
    return Math.max(1, Math.ceil(found.length / PAGE));
  }

  function show(n) {
    page = Math.min(Math.max(n, 0), pages() - 1);
    const from = page * PAGE, shown = found.slice(from, from + PAGE);
    body.replaceChildren(...shown.map(element));
    const range = shown.length ? `${from + 1} to ${from + shown.length} of ` : "";
    const all = found.length === records.length ? "" : `, of ${records.length} in all`;
    byId("status").textContent = `Showing ${range}${found.length} records${all}.`;
    byId("page").textContent = `page ${page + 1} of ${pages()}`;
    pager.hidden = pages() === 1;
    for (const b of pager.querySelectorAll("button")) {
      const back = b.value === "first" || b.value === "back";
      b.disabled = back ? page === 0 : page === pages() - 1;
    }
  }

  function passes(i, want) {
    const r = records[i];
    return (!want.verb || r[VERB] === want.verb) && (!want.way || r[WAY] === want.way) &&
      (!want.conn || r[CONN] === want.conn) && (!want.trouble || r[TROUBLE]) &&
      want.words.every((w) => haystack[i].includes(w));
  }

  function filter() {
    const values = new FormData(form);
    const want = {
      verb: values.get("verb"), way: values.get("way"), conn: values.get("conn"), trouble: values.has("trouble"),
      words: values.get("text").toLowerCase().split(/\s+/).filter(Boolean),
    };
    if (want.words.length && !haystack) {
      haystack = records.map((r) => [r[CONN] + "#" + r[SEQ], r[LINE], r[REPLY], r[REMARKS], r[PAYLOAD], time(r[AT])].join("\n").toLowerCase());
    }
    found = [];
    for (let i = 0; i < records.length; i++) if (passes(i, want)) found.push(i);
    show(0);
  }

  // choices fills a selection with the values that the records have.
  function choices(name, field) {
    const counts = new Map();
    for (const r of records) counts.set(r[field], (counts.get(r[field]) || 0) + 1);
    const order = new Intl.Collator("en", { numeric: true });
    for (const value of [...counts.keys()].sort(order.compare)) {
      form.elements[name].add(new Option(`${value} (${counts.get(value)})`, value));
    }
  }

  // visit shows the record that the address names.
  function visit() {
    const name = /^#r(\d+)$/.exec(location.hash);
    if (!name || name[1] < 1 || name[1] > records.length) return;
    const i = name[1] - 1;
    let at = found.indexOf(i);
    if (at < 0) {
      form.reset();
      found = records.map((_, n) => n);
      at = i;
    }
    show(Math.floor(at / PAGE));
    const row = byId("r" + name[1]), payload = row.querySelector("details");
    row.classList.add("visited");
    if (payload) payload.open = true;
    row.focus({ preventScroll: true });
    row.scrollIntoView({ block: "center" });
  }

  choices("verb", VERB);
  choices("way", WAY);
  choices("conn", CONN);
  form.hidden = false;
  form.addEventListener("submit", (e) => e.preventDefault());
  form.addEventListener("reset", () => setTimeout(filter));
  let typing;
  form.addEventListener("input", () => {
    clearTimeout(typing);
    typing = setTimeout(filter, TYPING);
  });
  pager.addEventListener("click", (e) => {
    const to = { first: 0, back: page - 1, next: page + 1, last: pages() - 1 }[e.target.value];
    if (to !== undefined) show(to);
  });
  addEventListener("hashchange", visit);
  document.addEventListener("click", (e) => {
    const a = e.target.closest('a[href^="#r"]'); // the same address twice is no change
    if (a && a.getAttribute("href") === location.hash) visit();
  });
  show(0);
  visit();
})();
