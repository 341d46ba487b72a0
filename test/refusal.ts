/** What the Stripe client throws when the service refuses; anything else that happens fails the test. */
import Stripe from 'stripe'

export async function refusalOf(request: Promise<unknown>): Promise<InstanceType<typeof Stripe.errors.StripeError>> {
  return request.then(
    (answer) => {
      throw new Error(`It was not refused, but answered: ${JSON.stringify(answer)}`)
    },
    (error: unknown) => {
      if (error instanceof Stripe.errors.StripeError) return error
      throw error
    },
  )
}
