// The beacon: tells Footfall about page views and events of the page it stands on.
//
// <script defer src="https://t.example.com/js/s.js" data-site="example.com"></script>
// stats('Signup', {props: {plan: 'pro'}, revenue: {currency: 'EUR', amount: 29.9}})
//
// No cookies, no ids of visitors. A batch that could not be stored (503, 429, offline) waits in
// localStorage and is sent again. docs/tracking.md describes every attribute and call.
//
// What is served is beacon.min.js, made of this file by build.py. ES2020, no dependencies.
((win, doc) => {
let nav = win.navigator, loc = win.location, script = doc.currentScript, now = Date.now, store = {}
let queue = [], seq, timer, busy, pause = 0, wait = 3
let page, view, referrer = doc.referrer, seen, shown, depth, toldMs, toldDepth, lost
let opt = name => script?.getAttribute('data-' + name)
let off = name => opt(name) == 'false'
let unique = () => now() + '-' + Math.random()
let on = name => opt(name) != null && !off(name)
let listen = (type, call) => addEventListener(type, call, true)
let prefixed = (element, prefix, into = {}) => {
  for (let {name, value} of element?.attributes || []) if (!name.indexOf(prefix)) into[name.slice(prefix.length)] = value
  return into
}
let home = new URL(script?.src || loc).origin
let site = opt('site') || opt('domain') || opt('website-id') || loc.hostname
let api = opt('api') || (opt('host-url') || home) + '/api/event'
try { store = localStorage || store } catch (e) {}

// Events that were not stored: at most 200, at most a day old.
let kept = () => {
  try { return JSON.parse(store.stats).filter(event => event.ts > now() - 864e5) } catch (e) { return [] }
}
let keep = events => { try { store.stats = JSON.stringify(events.slice(-200)) } catch (e) {} }

// Whether not to count. Automated browsers are left out, unless a test sets __footfall. Who tries
// the script at home is told why nothing comes.
let silent = () =>
  store.statsOff || store.plausible_ignore || nav.globalPrivacyControl && opt('gpc') != 'ignore' ||
  nav.doNotTrack == 1 && opt('dnt') == 'honour' || (nav.webdriver || win.Cypress) && !win.__footfall ||
  /^(localhost|127[.\d]+|\[::1]|)$/.test(loc.hostname) && !on('local') && !console.info('data-local is missing') ||
  opt('exclude')?.split(',').some(rule => RegExp('^' + rule.trim().replace(/[^\w*]/g, '\\$&').replace(/\*+/g, stars => stars[1] ? '.*' : '[^/]*') + '$').test(loc.pathname))

// Sending: a page view at once, what follows after a second or twenty events.
let later = ms => { clearTimeout(timer); timer = setTimeout(flush, ms) }
// Text, so that no preflight is asked for.
let body = events => JSON.stringify({v: 1, sent_at: now(), events})
let flush = () => {
  let old = kept(), events = old.concat(queue).slice(0, 20)
  let done = (again, seconds) => {
    busy = 0
    if (again) {
      keep(kept().concat(events))
      wait = Math.min(wait * 2, 600) // an endpoint that a blocker hides is not asked for ever and ever
      pause = now() + (seconds || wait) * (1e3 + Math.random() * 250)
      later(pause - now())
    } else {
      wait = 3
      if (queue[0] || kept()[0]) later(1e3)
    }
    events.forEach(event => event.done?.({stored: !again}))
  }
  if (busy || !events[0]) return
  if (pause > now()) return later(pause - now() + 1) // timers may be a little early
  busy = 1
  queue.splice(0, events.length - old.length)
  keep(old.slice(20))
  fetch(api, {method: 'POST', keepalive: true, credentials: 'omit', body: body(events)}).then(
    answer => done(!answer.ok && !/40[0134]|41[03]|422/.test(answer.status), answer.headers.get('Retry-After')), done)
}
let leave = () => {
  scrolled() // the browser tells of the last scroll at its next frame, which may not come
  measure()
  while (queue[0]) {
    let events = queue.splice(0, 20)
    if (pause > now() || !nav.sendBeacon?.(api, body(events))) keep(kept().concat(events))
  }
}

// stats(name, {props, revenue, interactive, url, metrics, vitals, callback}): one event.
let stats = (name, options = {}) => {
  let {url, revenue, interactive, metrics, vitals, callback} = options, change = win[opt('before-send')], isView = name == 'pageview'
  if (silent() || name == 404 && lost++) return
  if (isView) begin(url)
  let event = {
    id: crypto.randomUUID?.() || unique(), name, site, url: url || page || address(), referrer,
    title: doc.title, ts: now(), seq: seq++, pv: view, screen: screen.width + 'x' + screen.height,
    viewport: innerWidth + 'x' + innerHeight, language: nav.language, tz: Intl.DateTimeFormat().resolvedOptions().timeZone, hashMode: on('hash'),
    props: {...prefixed(script, 'data-props-', opt('tag') ? {tag: opt('tag')} : {}), ...options.props},
    revenue, interactive, metrics, vitals, engagement_time_ms: options.ms, scroll_depth: options.depth
  }
  if (change && !(event = change(event))) return
  event.done = callback
  queue.push(event)
  isView || queue[19] ? flush() : later(1e3)
}
let address = bare => {
  let url = loc.href
  if (!on('hash') || on('exclude-hash')) url = url.replace(/#.*/, '')
  return bare || on('exclude-search') ? url.replace(/\?[^#]*/, '') : url
}
let begin = url => {
  page = url || address()
  view = unique()
  seq = seen = toldMs = toldDepth = depth = lost = 0
  shown = !doc.hidden && now()
  scrolled()
}

// Engagement: time in view and how far down, told with the old address before it is left.
let scrolled = () => { depth = Math.max(depth, Math.min(100, 100 * (scrollY + innerHeight) / doc.documentElement.scrollHeight | 0)) }
let measure = () => {
  let ms = seen + (shown && now() - shown)
  if (!page || off('engagement') || ms - toldMs < 3e3 && depth <= toldDepth) return
  stats('engagement', {url: page, ms: ms - toldMs, depth, interactive: false})
  toldMs = ms
  toldDepth = depth
}

// What happens by itself: page views, navigation without loading, links, forms, hiding.
let arrive = () => {
  if (address() == page) return
  measure()
  if (page) referrer = page
  page = 0 // where the next one is not counted, time there is not that of the last one
  stats('pageview')
}
let tagged = element => {
  let name = element.getAttribute('data-event')
  if (name) stats(name, {props: prefixed(element, 'data-event-')})
  return name
}
let clicked = event => {
  let link = event.composedPath().find(one => one.matches?.('a[href],[data-event]:not(form)')), url = link?.href
  if (!link || event.button > 1 || tagged(link)) return
  if (RegExp('\\.(' + (opt('file-types') || 'pdf,xlsx?,docx?,pptx?,txt,rtf,csv,exe,key,7z,pkg,rar,gz,zip,avi,mov,mp[34],mpeg,wmv,midi,wav,wma,dmg,apk,deb,iso').replace(/,/g, '|') + ')$', 'i').test(link.pathname))
    off('downloads') || stats('File Download', {props: {url}})
  else if (/^http/.test(url) && link.host != loc.host) off('outbound') || stats('Outbound Link: Click', {props: {url}})
}

stats.optOut = out => { out === false ? delete store.statsOff : store.statsOff = 1 }
stats.flush = () => doc.hidden ? leave() : flush()
let waiting = [win.stats, win.plausible]
win.stats = win.plausible = stats
if (!off('auto') && !off('auto-track')) {
  for (let name of ['pushState', 'replaceState']) {
    let original = history[name]
    history[name] = (...change) => {
      let before = address(1)
      original.apply(history, change)
      // a page that writes its state into its query is still the same page
      name < 'r' || before != address(1) ? arrive() : page = page && address()
    }
  }
  listen('popstate', arrive)
  listen('hashchange', arrive)
  listen('pageshow', event => { if (event.persisted) { page = 0; arrive() } })
  doc.prerendering ? listen('prerenderingchange', arrive) : arrive()
  if (/404|410/.test(performance.getEntriesByType('navigation')[0]?.responseStatus) && !off('404')) stats('404', {props: {path: loc.pathname}})
}
waiting.forEach(stub => stub?.q?.forEach(call => stats(...call)))
listen('click', clicked)
listen('auxclick', clicked)
listen('submit', event => tagged(event.target) || on('forms') && stats('Form: Submission', {props: {id: event.target.getAttribute('id')}}))
listen('scroll', scrolled)
listen('online', () => { pause = 0; flush() })
listen('pagehide', leave)
listen('visibilitychange', () => {
  if (doc.hidden) {
    seen += shown && now() - shown
    shown = 0
    leave()
  } else shown = now()
})

// Web vitals: a second script, fetched when the page is through with loading.
let vitals = () => doc.head.append(Object.assign(doc.createElement('script'), {src: home + '/js/v.js'}))
if (on('vitals')) doc.readyState == 'complete' ? vitals() : listen('load', vitals)
later(1e3)
})(window, document)
