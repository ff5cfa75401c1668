// The files of a folder by node:http and a library, as its documentation shows it: node static.mjs LIBRARY FOLDER
import { createServer } from 'node:http'
import { createRequire } from 'node:module'

const require = createRequire(new URL('../.peers/', import.meta.url))
const [, , library, folder] = process.argv
const load = {
  sirv: () => require('sirv')(folder),
  'serve-handler': () => {
    const handler = require('serve-handler')
    // Without this it answers every page with a redirection to its name without the ending.
    return (request, response) => handler(request, response, { public: folder, cleanUrls: false })
  },
}
const serve = load[library]()
const server = createServer((request, response) => serve(request, response))
server.listen({ host: '127.0.0.1', port: 0, backlog: 4096 }, () => {
  console.log(`listening ${server.address().port}`)
})
