// Elements from code: text is always text, never markup.
export type Child = Node | string | number | null | undefined | false;
type Props = Record<string, string | number | boolean | null | undefined | ((event: Event) => void)>;

function fill(node: Element, props: Props, children: Child[]): void {
  for (const [name, value] of Object.entries(props)) {
    if (typeof value === "function") node.addEventListener(name, value);
    else if (value !== null && value !== undefined && value !== false) node.setAttribute(name, value === true ? "" : String(value));
  }
  for (const child of children) {
    if (child !== null && child !== undefined && child !== false) node.append(child instanceof Node ? child : String(child));
  }
}

export function h<K extends keyof HTMLElementTagNameMap>(tag: K, props: Props = {}, ...children: Child[]): HTMLElementTagNameMap[K] {
  const node = document.createElement(tag);
  fill(node, props, children);
  return node;
}

export function svg(tag: string, props: Props = {}, ...children: Child[]): SVGElement {
  const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
  fill(node, props, children);
  return node;
}

export function replace(node: Element, ...children: Child[]): void {
  node.replaceChildren();
  fill(node, {}, children);
}

export function card(title: string, note: Child, ...children: Child[]): HTMLElement {
  return h("section", { class: "card" }, h("header", {}, h("h2", {}, title), note && h("span", { class: "note" }, note)), ...children);
}

export function empty(title: string, detail: string): HTMLElement {
  return h("p", { class: "empty" }, h("strong", {}, title), ...withCode(detail));
}

// What stands between `backticks` is something to type.
export function withCode(text: string): Child[] {
  return text.split("`").map((part, n) => (n % 2 ? h("code", {}, part) : part));
}

export function badge(provider: string, more = ""): HTMLElement {
  const name = PROVIDERS[provider] ?? provider;
  return h("span", { class: `badge ${provider in PROVIDERS ? provider : ""}` }, h("i", { "aria-hidden": "true" }), more ? `${name} ${more}` : name);
}

export const PROVIDERS: Record<string, string> = { polar: "Polar", strava: "Strava", fitbit: "Fitbit" };

export function pick(label: string, options: [string, string][], chosen: string, onChoice: (value: string) => void): HTMLElement {
  const group = h("div", { class: "group", role: "group", "aria-label": label });
  for (const [value, text] of options) {
    group.append(h("button", { type: "button", "aria-pressed": String(value === chosen), "data-value": value, click: () => onChoice(value) }, text));
  }
  return group;
}

// On a phone a table of more than three columns shows each row as a block, every value under its heading.
export function table(head: string[], rows: Child[][], numeric: number[] = [], stacked = head.length > 3): HTMLElement {
  const cell = (tag: "th" | "td", child: Child, place: number) =>
    h(tag, { class: numeric.includes(place) ? "n" : null, scope: tag === "th" ? "col" : null, "data-label": tag === "td" ? head[place] : null }, child);
  return h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": head.join(", ") },
    h("table", { class: stacked ? "stack" : null },
      h("thead", {}, h("tr", {}, ...head.map((text, place) => cell("th", text, place)))),
      h("tbody", {}, ...rows.map((row) => h("tr", {}, ...row.map((child, place) => cell("td", child, place)))))));
}
