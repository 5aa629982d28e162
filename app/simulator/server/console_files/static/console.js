// Live pages: when something changes at the simulator, read the page again and replace what is
// shown, but for a form that somebody is filling in. Focus and what is open stay.
let version = document.body.dataset.version

addEventListener('input', event => {
  const region = event.target.closest('.fresh')
  if (region) region.dataset.edited = ''
})

function selectorOf(element) {
  if (element.id) return `#${CSS.escape(element.id)}`
  const form = element.closest('form')
  if (form && element.type === 'submit') return `form[action="${form.getAttribute('action')}"] button`
  return element.hasAttribute('href') ? `a[href="${element.getAttribute('href')}"]` : null
}

function replace(shown, fresh) {
  const active = document.activeElement
  const focused = shown.contains(active) ? selectorOf(active) : null
  for (const open of shown.querySelectorAll('details[open]'))
    fresh.querySelector(`#${CSS.escape(open.id)}`)?.setAttribute('open', '')
  const moved = [...shown.querySelectorAll('.scroll')].map(region => region.scrollLeft)
  shown.replaceWith(fresh)
  fresh.querySelectorAll('.scroll').forEach((region, n) => (region.scrollLeft = moved[n] ?? 0))
  if (focused) fresh.querySelector(focused)?.focus({ preventScroll: true })
}

async function look() {
  const { version: now } = await (await fetch('/version')).json()
  if (String(now) === version) return
  const answer = await fetch(document.body.dataset.here)
  if (!answer.ok) return
  const page = new DOMParser().parseFromString(await answer.text(), 'text/html')
  version = page.body.dataset.version
  for (const shown of document.querySelectorAll('.fresh')) {
    const fresh = page.getElementById(shown.id)
    if (fresh && !('edited' in shown.dataset)) replace(shown, fresh)
  }
  const live = document.getElementById('live')
  const state = document.querySelector('.state')
  live.textContent = [live.dataset.text, state?.textContent].filter(Boolean).join(': ')
}
setInterval(() => look().catch(() => {}), 1000)

// The simulated clock ticks on the page, at its own speed.
let clock = null
let since = 0
const inJapan = { timeZone: 'Asia/Tokyo', dateStyle: 'medium', timeStyle: 'medium' }
function tick() {
  const shown = document.getElementById('now')
  if (!shown) return
  if (shown !== clock) [clock, since] = [shown, performance.now()]
  const passed = (performance.now() - since) * Number(shown.dataset.speed)
  const moment = new Date(Date.parse(shown.dataset.now) + passed)
  shown.textContent = moment.toLocaleString(document.documentElement.lang, inJapan)
}
setInterval(tick, 250)
tick()
