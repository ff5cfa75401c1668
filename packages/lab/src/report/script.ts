/** What the page does by itself: the language, the tabs, the download, and all of it open on paper. */
export const script = `
'use strict'
const editions = [...document.querySelectorAll('.edition')]
const choices = [...document.querySelectorAll('input[name=language]')]
/** The same place in the other language: ids differ in their first part alone. */
const twin = (id, language) => document.getElementById(id.replace(/^[a-z]+-/, language + '-'))
function speak(choice) {
  for (const edition of editions) edition.hidden = edition.dataset.language !== choice.value
  document.documentElement.lang = choice.dataset.tag
  document.title = choice.dataset.title
}
function chosen() {
  return choices.find((choice) => choice.checked)
}
for (const choice of choices) {
  choice.addEventListener('change', () => {
    const place = twin(location.hash.slice(1), choice.value)
    speak(choice)
    if (place) history.replaceState(null, '', '#' + place.id)
  })
}
/** A link into one language shows that language. */
function follow() {
  const target = document.getElementById(location.hash.slice(1))
  if (!target) return
  const language = target.closest('.edition').dataset.language
  const choice = choices.find((it) => it.value === language)
  if (!choice.checked) {
    choice.checked = true
    speak(choice)
  }
  const panel = target.closest('.panel')
  if (panel) select(document.getElementById(panel.getAttribute('aria-labelledby')))
  target.scrollIntoView()
}
addEventListener('hashchange', follow)

function select(tab) {
  for (const list of document.querySelectorAll('[role=tablist]')) {
    for (const other of list.children) {
      // Both languages show the same one.
      const on = other.textContent === tab.textContent
      other.setAttribute('aria-selected', String(on))
      other.tabIndex = on ? 0 : -1
      document.getElementById(other.getAttribute('aria-controls')).hidden = !on
    }
  }
}
for (const list of document.querySelectorAll('[role=tablist]')) {
  const tabs = [...list.children]
  list.addEventListener('click', (event) => {
    if (event.target.role === 'tab') select(event.target)
  })
  list.addEventListener('keydown', (event) => {
    const at = tabs.indexOf(document.activeElement)
    const next = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: tabs.length - 1 }[event.key]
    if (next === undefined || at < 0) return
    event.preventDefault()
    const tab = tabs[(next + tabs.length) % tabs.length]
    select(tab)
    tab.focus()
  })
  if (tabs.length > 0) select(tabs[0])
}

for (const button of document.querySelectorAll('.download')) {
  button.addEventListener('click', () => {
    const content = JSON.stringify(JSON.parse(document.getElementById('results').textContent), null, 2)
    const link = document.createElement('a')
    link.href = URL.createObjectURL(new Blob([content], { type: 'application/json' }))
    link.download = 'fivefold-results.json'
    link.click()
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000)
  })
}

let closed = []
addEventListener('beforeprint', () => {
  closed = [...document.querySelectorAll('details:not([open])')]
  for (const details of closed) details.open = true
})
addEventListener('afterprint', () => {
  for (const details of closed) details.open = false
})

speak(chosen())
follow()
`
