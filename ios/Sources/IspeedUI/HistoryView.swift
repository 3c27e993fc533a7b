import IspeedCore
import SwiftUI

/// All samples of this phone.
struct HistoryView: View {
    let shell: Shell
    @StateObject private var state: Watched<HistoryState>
    @State private var exported: URL?

    init(shell: Shell) {
        self.shell = shell
        _state = StateObject(wrappedValue: Watched(shell.session.history.state))
    }

    var body: some View {
        let screen = historyScreen(state.value.samples)
        let words = shell.words
        NavigationStack {
            List {
                if let problem = state.value.problem { Text(words.of(problem)) }
                if let empty = screen.empty { Text(words.of(empty)) }
                ForEach(screen.rows) { row in
                    NavigationLink(value: row.id) { HistoryRowView(row: row, words: words) }
                }
            }
            .navigationTitle(words.of(.tabHistory))
            .navigationDestination(for: String.self) { DetailView(shell: shell, id: $0) }
            .refreshable { await shell.session.history.refresh() }
            .toolbar {
                Button(words.of(.historyRetry)) { Task { await shell.session.history.retryNow() } }
                if let exported {
                    ShareLink(item: exported)
                } else {
                    Button(words.of(.historyExport)) { export() }
                }
            }
        }
        .task { await shell.session.history.refresh() }
    }

    private func export() {
        let file = FileManager.default.temporaryDirectory.appendingPathComponent("ispeed.ndjson")
        Task {
            if await shell.session.history.export(to: file.path) != nil { exported = file }
        }
    }
}

private struct HistoryRowView: View {
    let row: HistoryRow
    let words: Words

    var body: some View {
        VStack(alignment: .leading) {
            Text(words.of(row.figures)).font(.headline).monospacedDigit()
            Text(words.of(row.time)).font(.subheadline)
            Text(words.of(row.place)).font(.subheadline)
            Text("\(words.of(row.counts)) · \(words.of(row.state))").font(.footnote).foregroundStyle(.secondary)
        }
        .accessibilityElement(children: .ignore)
        .accessibilityLabel(words.of(row.spoken))
    }
}

/// Everything of one sample.
struct DetailView: View {
    let shell: Shell
    let id: String
    @State private var sample: Sample?
    @State private var asksToErase = false
    @Environment(\.dismiss) private var dismiss

    var body: some View {
        let words = shell.words
        List {
            if let sample {
                let screen = detailScreen(sample)
                Text(words.of(screen.sentence))
                Section { LinesView(lines: screen.lines, words: words) }
                Section {
                    Text(words.of(screen.verdict)).font(.headline)
                    ForEach(Array(screen.reasons.enumerated()), id: \.offset) { Text(words.of($0.element)) }
                }
                Section {
                    ShareLink(words.of(.detailShareText), item: words.of(screen.share))
                    picture(sample)
                    if sample.state == .quarantined {
                        Button(words.of(.historyRetry)) { sendAgain() }
                    }
                    Button(words.of(.detailErase), role: .destructive) { asksToErase = true }
                }
            }
        }
        .navigationTitle(words.of(.resultTitle))
        .task { sample = await shell.session.history.detail(id) }
        .confirmationDialog(words.of(.detailEraseSure), isPresented: $asksToErase, titleVisibility: .visible) {
            Button(words.of(.detailErase), role: .destructive) { erase() }
        }
    }

    /// The result as an image, drawn by the same view that the screen shows.
    @ViewBuilder
    private func picture(_ sample: Sample) -> some View {
        let card = SharedCard(sample: sample, words: shell.words)
        if let image = ImageRenderer(content: card).uiImage.map(Image.init(uiImage:)) {
            ShareLink(
                shell.words.of(.detailSharePicture), item: image,
                preview: SharePreview(shell.words.of(.resultTitle), image: image))
        }
    }

    private func sendAgain() {
        Task {
            await shell.session.history.sendAgain(id)
            sample = await shell.session.history.detail(id)
        }
    }

    private func erase() {
        Task {
            await shell.session.history.erase(id)
            dismiss()
        }
    }
}

/// What a shared picture shows: no coordinates, no id.
private struct SharedCard: View {
    let sample: Sample
    let words: Words

    var body: some View {
        VStack(alignment: .leading, spacing: 12) {
            ResultView(result: resultScreen(sample), words: words)
            Text(words.of(.appDisclaimer)).font(.footnote)
            Text(words.of(.appAbout)).font(.footnote)
        }
        .padding(24)
        .frame(width: 400)
        .background(.white)
        .environment(\.colorScheme, .light)
    }
}
