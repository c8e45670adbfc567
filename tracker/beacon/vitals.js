// Web vitals of the page (LCP, INP, CLS, FCP, TTFB), told to the beacon as event 'web-vitals'.
//
// The beacon fetches it by itself where its tag says data-vitals. The values are final only when
// the page is hidden, so the last ones are told then, by the beacon's way of sending what is left.
// Each change is noted until then: the library's own final report leaves out a click right before.
//
// What is served is vitals.min.js, made by build.py of this file and Google's library web-vitals.
import {onCLS, onFCP, onINP, onLCP, onTTFB} from 'web-vitals'

let vitals = {}
let tell = () => {
  if (!document.hidden || !Object.keys(vitals).length) return
  window.stats('web-vitals', {vitals, interactive: false})
  window.stats.flush()
  vitals = {}
}
let note = ({name, value, rating, navigationType}) => {
  vitals[name.toLowerCase()] = {value, rating, nav: navigationType}
  queueMicrotask(tell)
}
for (let measure of [onTTFB, onFCP, onLCP, onCLS, onINP]) measure(note, {reportAllChanges: true})
addEventListener('visibilitychange', tell, true)
