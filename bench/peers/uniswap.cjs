// @uniswap/smart-order-router on the questions of a file: all routes of up to three pools of its own, quoted in 5 % steps, and its
// split search with the settings of mainnet. Its on-chain quoter is replaced by the pools' mathematics of its own SDKs.
const built = '@uniswap/smart-order-router/build/main/'
const router = require(built + 'index.js')
const { getBestSwapRoute } = require(built + 'routers/alpha-router/functions/best-swap-route.js')
const { computeAllV2Routes, computeAllV3Routes } = require(built + 'routers/alpha-router/functions/compute-all-routes.js')
const { V2RouteWithValidQuote, V3RouteWithValidQuote } = require(built + 'routers/alpha-router/entities/route-with-valid-quote.js')
const core = require('@uniswap/sdk-core')
const { Pair } = require('@uniswap/v2-sdk')
const { Pool } = require('@uniswap/v3-sdk')
const { BigNumber } = require('@ethersproject/bignumber')
const { ask, gasPerLeg, milliseconds } = require('./questions.cjs')

const { CurrencyAmount } = router
const STEP = 5
const keep = (_, route) => route
const portionProvider = {
  getPortionAmount: () => undefined, getPortionQuoteAmount: () => undefined, applyPortionToQuote: (x) => x,
  getRouteWithQuotePortionAdjusted: keep, getQuote: keep, getQuoteGasAdjusted: keep, getQuoteGasAndPortionAdjusted: keep,
}
const usd = router.usdGasTokensByChain[1][0]

ask(async (question) => {
  const tokens = question.tokens.map((t) => new core.Token(1, t.address, t.decimals, t.symbol, t.symbol))
  const sell = tokens[question.sell], buy = tokens[question.buy]
  const amount = CurrencyAmount.fromRawAmount(sell, question.amount)
  const pairs = [], pools = [], idOf = new Map()
  for (const p of question.pools) {
    if (p.kind === 'v2') {
      const pair = new Pair(CurrencyAmount.fromRawAmount(tokens[p.token0], p.reserve0), CurrencyAmount.fromRawAmount(tokens[p.token1], p.reserve1))
      pairs.push(pair)
      idOf.set(pair, p.id)
    } else {
      const ticks = p.ticks.map(([index, net]) => ({ index, liquidityNet: net, liquidityGross: String(BigInt(net) < 0n ? -BigInt(net) : BigInt(net) || 1n) }))
      const pool = new Pool(tokens[p.token0], tokens[p.token1], p.fee_pips, p.sqrt_price_x96, p.liquidity, p.tick, ticks)
      pools.push(pool)
      idOf.set(pool, p.id)
    }
  }
  const cost = gasPerLeg(question)
  const gasModel = {
    estimateGasCost: (found) => ({
      gasEstimate: BigNumber.from(0),
      gasCostInToken: CurrencyAmount.fromRawAmount(buy, String(cost * BigInt((found.route.pairs || found.route.pools).length))),
      gasCostInUSD: CurrencyAmount.fromRawAmount(usd, 0),
    }),
  }
  const v2PoolProvider = { getPoolAddress: (a, b) => ({ poolAddress: Pair.getAddress(a, b), token0: a, token1: b }) }
  const v3PoolProvider = { getPoolAddress: (a, b, fee) => ({ poolAddress: Pool.getAddress(a, b, fee), token0: a, token1: b }) }
  const percents = []
  for (let percent = STEP; percent <= 100; percent += STEP) percents.push(percent)

  const start = process.cpuUsage()
  const quoted = []
  for (const route of pairs.length ? computeAllV2Routes(sell, buy, pairs, 3) : []) {
    for (const percent of percents) {
      const part = amount.multiply(new core.Fraction(percent, 100))
      let out = CurrencyAmount.fromRawAmount(sell, part.quotient)
      try {
        for (const pair of route.pairs) [out] = pair.getOutputAmount(out, false)
      } catch (tooMuch) { continue }
      quoted.push(new V2RouteWithValidQuote({
        amount: part, rawQuote: BigNumber.from(out.quotient.toString()), percent, route, gasModel, quoteToken: buy,
        tradeType: core.TradeType.EXACT_INPUT, v2PoolProvider,
      }))
    }
  }
  for (const route of pools.length ? computeAllV3Routes(sell, buy, pools, 3) : []) {
    for (const percent of percents) {
      const part = amount.multiply(new core.Fraction(percent, 100))
      let out = CurrencyAmount.fromRawAmount(sell, part.quotient)
      try {
        for (const pool of route.pools) {
          const [given] = await pool.getOutputAmount(out)
          out = given
        }
      } catch (tooMuch) { continue }
      quoted.push(new V3RouteWithValidQuote({
        amount: part, rawQuote: BigNumber.from(out.quotient.toString()), sqrtPriceX96AfterList: [], initializedTicksCrossedList: route.pools.map(() => 1),
        quoterGasEstimate: BigNumber.from(0), percent, route, gasModel, quoteToken: buy, tradeType: core.TradeType.EXACT_INPUT, v3PoolProvider,
      }))
    }
  }
  if (!quoted.length) return []
  const settings = { minSplits: 1, maxSplits: 7, distributionPercent: STEP, forceCrossProtocol: false, maxSwapsPerPath: 3 }
  const best = await getBestSwapRoute(amount, percents, quoted, core.TradeType.EXACT_INPUT, 1, settings, portionProvider, gasModel, undefined, undefined)
  const ms = milliseconds(start)
  if (!best) return []
  return [{ ms, paths: best.routes.map((one) => ({ amount: one.amount.quotient.toString(), pools: (one.route.pairs || one.route.pools).map((p) => idOf.get(p)) })) }]
})
