package vn.ispeed.app.ui

import android.content.ContentProvider
import android.content.ContentValues
import android.content.Context
import android.content.Intent
import android.database.Cursor
import android.database.MatrixCursor
import android.net.Uri
import android.os.ParcelFileDescriptor
import android.provider.OpenableColumns
import java.io.File
import java.io.FileNotFoundException

/** Hands one file of the share folder to the program the person chose: read only, by a grant, nothing else of this app. */
class ShareProvider : ContentProvider() {
    override fun onCreate(): Boolean = true

    override fun getType(uri: Uri): String = if (uri.lastPathSegment.orEmpty().endsWith(".png")) PNG else JSON_LINES

    override fun openFile(uri: Uri, mode: String): ParcelFileDescriptor {
        if (mode != "r") throw FileNotFoundException("read only")
        return ParcelFileDescriptor.open(file(uri), ParcelFileDescriptor.MODE_READ_ONLY)
    }

    override fun query(
        uri: Uri,
        projection: Array<out String>?,
        selection: String?,
        selectionArgs: Array<out String>?,
        sortOrder: String?,
    ): Cursor {
        val file = file(uri)
        return MatrixCursor(arrayOf(OpenableColumns.DISPLAY_NAME, OpenableColumns.SIZE)).apply {
            addRow(arrayOf<Any>(file.name, file.length()))
        }
    }

    override fun insert(uri: Uri, values: ContentValues?): Uri? = null

    override fun update(uri: Uri, values: ContentValues?, selection: String?, selectionArgs: Array<out String>?): Int = 0

    override fun delete(uri: Uri, selection: String?, selectionArgs: Array<out String>?): Int = 0

    /** A name, not a path: what would leave the folder is not there. */
    private fun file(uri: Uri): File {
        val name = uri.pathSegments.singleOrNull().orEmpty()
        val inside = context?.let { File(folder(it), name) }
        val good = name.isNotEmpty() && name.all { it.isLetterOrDigit() || it in ".-_" } && !name.startsWith(".")
        return inside?.takeIf { good && it.isFile } ?: throw FileNotFoundException(name)
    }

    companion object {
        private const val PNG = "image/png"
        private const val JSON_LINES = "application/x-ndjson"
        private const val AUTHORITY = "vn.ispeed.app.share"

        /** Where files that are shared lie. */
        fun folder(context: Context): File = File(context.cacheDir, "share").apply { mkdirs() }

        /** The intent that offers a file of the folder to other programs. */
        fun intent(file: File): Intent {
            val uri = Uri.Builder().scheme("content").authority(AUTHORITY).appendPath(file.name).build()
            return Intent(Intent.ACTION_SEND)
                .setType(if (file.extension == "png") PNG else JSON_LINES)
                .putExtra(Intent.EXTRA_STREAM, uri)
                .addFlags(Intent.FLAG_GRANT_READ_URI_PERMISSION)
        }
    }
}
