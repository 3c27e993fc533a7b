package vn.ispeed.app.ui

import android.content.Context
import android.graphics.Canvas
import android.graphics.Paint
import android.graphics.Path
import android.view.View
import kotlin.math.cos
import kotlin.math.max
import kotlin.math.min
import vn.ispeed.app.R
import vn.ispeed.app.engine.Point
import vn.ispeed.app.screens.Dot
import vn.ispeed.app.screens.FieldMap

/** An own-drawn map, north up: cells without a sample, the next one, the person. No tiles of anybody are fetched. */
class MapView(context: Context) : View(context) {
    private var map = FieldMap(emptyList(), emptyList(), here = null)
    private val kit = Kit(context)
    private val cell = paint(R.color.line)
    private val next = paint(R.color.accent)
    private val me = paint(R.color.bad)
    private val way = stroke(R.color.accent)
    private val border = stroke(R.color.text_soft)

    fun render(map: FieldMap, spoken: String?) {
        this.map = map
        contentDescription = spoken
        visibility = if (map.dots.isEmpty() && map.borders.isEmpty()) GONE else VISIBLE
        invalidate()
    }

    override fun onMeasure(widthMeasureSpec: Int, heightMeasureSpec: Int) {
        val width = MeasureSpec.getSize(widthMeasureSpec)
        setMeasuredDimension(width, min(width, kit.dp(HEIGHT)))
    }

    override fun onDraw(canvas: Canvas) {
        val points = map.borders.flatten() + map.dots.map(Dot::at) + listOfNotNull(map.here)
        if (points.isEmpty()) return
        val project = projection(points)
        map.borders.forEach { canvas.drawPath(path(it.map(project)), border) }
        val half = kit.dp(CELL) / 2f
        for (dot in map.dots) {
            val (x, y) = project(dot.at)
            canvas.drawRect(x - half, y - half, x + half, y + half, if (dot.isNext) next else cell)
        }
        val (x, y) = project(map.here ?: return)
        map.dots.find(Dot::isNext)?.let { target ->
            val (toX, toY) = project(target.at)
            canvas.drawLine(x, y, toX, toY, way)
        }
        canvas.drawCircle(x, y, kit.dp(ME).toFloat(), me)
    }

    private fun path(points: List<Pair<Float, Float>>): Path = Path().apply {
        points.forEachIndexed { index, (x, y) -> if (index == 0) moveTo(x, y) else lineTo(x, y) }
    }

    /** Degrees to pixels, one scale for both ways, the degree of longitude shortened by the latitude. */
    private fun projection(points: List<Point>): (Point) -> Pair<Float, Float> {
        val (south, north) = points.minOf(Point::lat) to points.maxOf(Point::lat)
        val (west, east) = points.minOf(Point::lon) to points.maxOf(Point::lon)
        val shorter = cos(Math.toRadians((south + north) / 2))
        val margin = kit.dp(Kit.SIDE)
        val span = max((east - west) * shorter, north - south).coerceAtLeast(LEAST_SPAN_DEGREES)
        val scale = (min(width, height) - 2 * margin) / span
        return { point ->
            val x = width / 2.0 + (point.lon - (west + east) / 2) * shorter * scale
            val y = height / 2.0 - (point.lat - (south + north) / 2) * scale
            x.toFloat() to y.toFloat()
        }
    }

    private fun stroke(color: Int) = paint(color).apply {
        style = Paint.Style.STROKE
        strokeWidth = kit.dp(2).toFloat()
    }

    private fun paint(color: Int) = Paint(Paint.ANTI_ALIAS_FLAG).apply { this.color = context.getColor(color) }

    private companion object {
        const val HEIGHT = 280
        const val CELL = 12
        const val ME = 7

        /** A cell of 200 m, so that one alone does not fill the map. */
        const val LEAST_SPAN_DEGREES = 0.002
    }
}
