// Live pages: when something changes at the simulator, read the page again and replace what is shown.
let version = document.body.dataset.version
async function look() {
  const { version: now } = await (await fetch('/version')).json()
  const shown = document.getElementById('fresh')
  if (String(now) === version || !shown || shown.contains(document.activeElement)) return
  const page = new DOMParser().parseFromString(await (await fetch(location.href)).text(), 'text/html')
  const fresh = page.getElementById('fresh')
  if (!fresh) return
  version = page.body.dataset.version
  shown.replaceWith(fresh)
  const live = document.getElementById('live')
  live.textContent = live.dataset.text
}
setInterval(() => look().catch(() => {}), 1000)
