// @pancakeswap/smart-router on the questions of a file, with its off-chain quotes: four splits of 5 % steps, three hops.
const { ask, milliseconds } = require('./questions.cjs')

ask.ready = Promise.all([import('@pancakeswap/smart-router/evm').catch(() => import('./node_modules/@pancakeswap/smart-router/dist/evm.mjs')), import('./node_modules/@pancakeswap/sdk/dist/index.mjs'), import('./node_modules/@pancakeswap/v3-sdk/dist/index.mjs')])

ask(async (question) => {
  const [{ SmartRouter, PoolType }, sdk, v3] = await ask.ready
  v3.TICK_SPACINGS[3000] = 60 // Uniswap's fee tier, which PancakeSwap does not have
  const tokens = question.tokens.map((t) => new sdk.ERC20Token(56, t.address, t.decimals, t.symbol))
  const idOf = new Map()
  const pools = question.pools.map((p) => {
    const token0 = tokens[p.token0], token1 = tokens[p.token1]
    const reserve0 = sdk.CurrencyAmount.fromRawAmount(token0, BigInt(p.reserve0)), reserve1 = sdk.CurrencyAmount.fromRawAmount(token1, BigInt(p.reserve1))
    const pool = p.kind === 'v2'
      ? { type: PoolType.V2, reserve0, reserve1 }
      : {
          type: PoolType.V3, token0, token1, fee: p.fee_pips, liquidity: BigInt(p.liquidity), sqrtRatioX96: BigInt(p.sqrt_price_x96), tick: p.tick,
          address: p.address, token0ProtocolFee: new sdk.Percent(0, 1), token1ProtocolFee: new sdk.Percent(0, 1), reserve0, reserve1,
          ticks: p.ticks.map(([index, net]) => new v3.Tick({ index, liquidityNet: BigInt(net), liquidityGross: BigInt(net) < 0n ? -BigInt(net) : BigInt(net) || 1n })),
        }
    idOf.set(keyOf(pool, PoolType), p.id)
    return pool
  })
  const poolProvider = SmartRouter.createStaticPoolProvider(pools)
  poolProvider.getCandidatePools = async () => pools
  const quoteProvider = SmartRouter.createOffChainQuoteProvider()
  const amount = sdk.CurrencyAmount.fromRawAmount(tokens[question.sell], BigInt(question.amount))
  const start = process.cpuUsage()
  const answers = []
  for (const maxSplits of [4, 1]) {
    const trade = await SmartRouter.getBestTrade(amount, tokens[question.buy], sdk.TradeType.EXACT_INPUT, {
      gasPriceWei: 0n, poolProvider, quoteProvider, maxHops: 3, maxSplits, distributionPercent: 5,
      allowedPoolTypes: [PoolType.V2, PoolType.V3], quoterOptimization: false,
    })
    const ms = milliseconds(start)
    if (trade) answers.push({ ms, paths: trade.routes.map((route) => ({ amount: route.inputAmount.quotient.toString(), pools: route.pools.map((pool) => idOf.get(keyOf(pool, PoolType))) })) })
  }
  return answers
})

function keyOf(pool, PoolType) {
  if (pool.type === PoolType.V3) return pool.address
  return [pool.reserve0.currency.address, pool.reserve1.currency.address].sort().join()
}
