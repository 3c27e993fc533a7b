package vn.ispeed.app.ui

import android.graphics.Bitmap
import java.awt.image.BufferedImage
import java.awt.image.IndexColorModel
import java.io.File
import javax.imageio.ImageIO

/** Small pictures: sixteen levels a channel are enough to judge a screen by. */
object Png {
    private const val STEP = 17
    private const val PALETTE = 256

    fun write(picture: Bitmap, file: File) {
        val (width, height) = picture.width to picture.height
        val pixels = IntArray(width * height).also { picture.getPixels(it, 0, width, 0, 0, width, height) }
        for (index in pixels.indices) pixels[index] = coarse(pixels[index])
        // The rarest edges of letters take the nearest colour that is there.
        val palette = pixels.toList().groupingBy { it }.eachCount().entries.sortedByDescending { it.value }.take(PALETTE).map { it.key }
        val indices = palette.withIndex().associate { (index, color) -> color to index }.toMutableMap()
        val image = BufferedImage(width, height, BufferedImage.TYPE_BYTE_INDEXED, model(palette))
        for (y in 0 until height) {
            for (x in 0 until width) {
                val color = pixels[y * width + x]
                image.raster.setSample(x, y, 0, indices.getOrPut(color) { palette.indices.minBy { far(palette[it], color) } })
            }
        }
        ImageIO.write(image, "png", file)
    }

    private fun channels(color: Int) = listOf(16, 8, 0).map { color shr it and 255 }

    private fun coarse(color: Int): Int = channels(color).fold(0) { sum, channel -> sum shl 8 or (channel + STEP / 2) / STEP * STEP }

    private fun far(one: Int, other: Int): Int = channels(one).zip(channels(other)).sumOf { (a, b) -> (a - b) * (a - b) }

    private fun model(palette: List<Int>): IndexColorModel {
        val (red, green, blue) = (0..2).map { channel -> ByteArray(palette.size) { channels(palette[it])[channel].toByte() } }
        return IndexColorModel(8, palette.size, red, green, blue)
    }
}
