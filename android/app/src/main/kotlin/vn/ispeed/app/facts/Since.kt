package vn.ispeed.app.facts

/** Calls of the platform that came with this API level; whoever calls the marked code has asked for it. */
@Retention(AnnotationRetention.BINARY)
@Target(AnnotationTarget.CLASS, AnnotationTarget.FUNCTION)
annotation class Since(val sdk: Int)
