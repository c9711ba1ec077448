// Reads questions from a file, asks a router each, and writes its answers, one line of JSON a question.
const fs = require('fs')

const gasPerLeg = (question) => BigInt(question.gas_per_leg)

// Processor time, as ours is measured.
function milliseconds(start) {
  const used = process.cpuUsage(start)
  return (used.user + used.system) / 1000
}

async function ask(router) {
  const [, , from, to] = process.argv
  const lines = []
  for (const line of fs.readFileSync(from, 'utf8').split('\n').filter(Boolean)) {
    const question = JSON.parse(line)
    try {
      lines.push(JSON.stringify({ id: question.id, answers: await router(question) }))
    } catch (error) {
      lines.push(JSON.stringify({ id: question.id, answers: [], error: String(error && error.message).slice(0, 300) }))
    }
  }
  fs.writeFileSync(to, lines.join('\n') + '\n')
  process.exit(0)
}

module.exports = { ask, gasPerLeg, milliseconds }
