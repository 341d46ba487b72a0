/**
 * The decorators of `@nestjs/swagger`, applied once the API description is asked for. What it brings along is two fifths of what a
 * start would load, and most services are never asked.
 */
type Swagger = typeof import('@nestjs/swagger')
type AnyDecorator = ClassDecorator & MethodDecorator & PropertyDecorator

/** In the order in which they stand. */
const waiting: ((swagger: Swagger) => void)[] = []

/** Everything that was decorated is described as if it had been loaded before. */
export async function loadSwagger(): Promise<Swagger> {
  const swagger = await import('@nestjs/swagger')
  for (const decorate of waiting.splice(0)) decorate(swagger)
  return swagger
}

export const ApiTags = later((swagger) => swagger.ApiTags)
export const ApiOperation = later((swagger) => swagger.ApiOperation)
export const ApiResponse = later((swagger) => swagger.ApiResponse)
export const ApiBody = later((swagger) => swagger.ApiBody)
export const ApiConsumes = later((swagger) => swagger.ApiConsumes)
export const ApiQuery = later((swagger) => swagger.ApiQuery)
export const ApiExtraModels = later((swagger) => swagger.ApiExtraModels)
export const ApiProperty = later((swagger) => swagger.ApiProperty)

function later<Given extends unknown[]>(
  decoratorOf: (swagger: Swagger) => (...given: Given) => ClassDecorator | MethodDecorator | PropertyDecorator,
): (...given: Given) => AnyDecorator {
  return (...given) => {
    const decorate = (...decorated: Parameters<MethodDecorator>): void => {
      waiting.push((swagger) => void (decoratorOf(swagger)(...given) as MethodDecorator)(...decorated))
    }
    return decorate as AnyDecorator
  }
}
