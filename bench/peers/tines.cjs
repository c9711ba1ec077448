// @sushiswap/tines on the questions of a file: the best of its settings, each route as legs with shares of what is held.
const tines = require('@sushiswap/tines')
const { ask, gasPerLeg, milliseconds } = require('./questions.cjs')

const GAS_OF_A_SWAP = { v2: 60000, v3: 125000 } // the library's own figures; the gas price is set so that a pair's swap costs one leg
const FLOWS = [undefined, 100]

ask(async (question) => {
  const tokens = question.tokens.map((t) => ({ name: t.symbol, symbol: t.symbol, address: t.address, decimals: t.decimals, chainId: 1, tokenId: t.address }))
  const idOf = new Map(question.pools.map((p) => [p.address, p.id]))
  const pools = () =>
    question.pools.map((p) =>
      p.kind === 'v2'
        ? new tines.ConstantProductRPool(p.address, tokens[p.token0], tokens[p.token1], p.fee_pips / 1e6, BigInt(p.reserve0), BigInt(p.reserve1))
        : new tines.UniV3Pool(
            p.address, tokens[p.token0], tokens[p.token1], p.fee_pips / 1e6,
            BigInt(p.reserve0), BigInt(p.reserve1), p.tick, BigInt(p.liquidity), BigInt(p.sqrt_price_x96),
            p.ticks.map(([index, net]) => ({ index, DLiquidity: BigInt(net) })),
          ),
    )
  const gasPrice = Number(gasPerLeg(question)) / GAS_OF_A_SWAP.v2
  const answers = []
  for (const flows of FLOWS) {
    const built = pools()
    const start = process.cpuUsage()
    const route = tines.findMultiRouteExactIn(tokens[question.sell], tokens[question.buy], BigInt(question.amount), built, tokens[question.buy], gasPrice, flows)
    const ms = milliseconds(start)
    if (route.status === 'NoWay') continue
    answers.push({ ms, legs: route.legs.map((leg) => ({ pool: idOf.get(leg.poolAddress), sell: leg.tokenFrom.address, portion: leg.swapPortion })) })
  }
  return answers
})
