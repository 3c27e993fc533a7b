import IspeedCore
import SwiftUI

/// The screen with the one button.
struct MeasureView: View {
    @ObservedObject private var shell: Shell
    @StateObject private var state: Watched<MeasureState>

    init(shell: Shell) {
        self.shell = shell
        _state = StateObject(wrappedValue: Watched(shell.session.measure.state))
    }

    var body: some View {
        let screen = measureScreen(state.value, shell.phoneState)
        let words = shell.words
        NavigationStack {
            ScrollView {
                VStack(alignment: .leading, spacing: 16) {
                    Text(words.of(screen.network)).foregroundStyle(.secondary)
                    Text(words.of(screen.headline)).font(.title2)
                    if let figure = screen.figure { live(figure, screen) }
                    ForEach(Array(screen.lines.enumerated()), id: \.offset) { Text(words.of($0.element)) }
                    if let result = screen.result { ResultView(result: result, words: words) }
                    hints(screen)
                }
                .frame(maxWidth: .infinity, alignment: .leading)
                .padding()
            }
            .navigationTitle(words.of(.appName))
            .safeAreaInset(edge: .bottom) {
                Button(words.of(screen.button.label)) { press(screen.button) }
                    .buttonStyle(.borderedProminent)
                    .controlSize(.large)
                    .padding()
            }
        }
    }

    private func live(_ figure: Phrase, _ screen: MeasureScreen) -> some View {
        VStack(alignment: .leading) {
            HStack(alignment: .firstTextBaseline) {
                Text(shell.words.of(figure)).font(.system(.largeTitle, design: .rounded)).monospacedDigit()
                if let unit = screen.unit { Text(shell.words.of(unit)) }
            }
            .accessibilityElement(children: .combine)
            if let interval = screen.interval {
                Text(shell.words.of(interval)).font(.callout).monospacedDigit()
            }
        }
    }

    @ViewBuilder
    private func hints(_ screen: MeasureScreen) -> some View {
        if !screen.hints.isEmpty {
            Text(shell.words.of(.beforeTitle)).font(.headline)
            ForEach(Array(screen.hints.enumerated()), id: \.offset) { hint in
                Label(shell.words.of(hint.element), systemImage: "exclamationmark.triangle")
            }
        }
        if screen.offersPermission {
            Button(shell.words.of(.beforePermission)) { shell.phone.askForLocation() }
        }
    }

    private func press(_ button: MeasureButton) {
        let measure = shell.session.measure
        switch button {
        case .stop: measure.stop()
        case .start, .again: measure.start(with: shell.session.field.marked)
        }
    }
}

/// What came of a run.
struct ResultView: View {
    let result: ResultScreen
    let words: Words

    var body: some View {
        VStack(alignment: .leading, spacing: 12) {
            Text(words.of(result.sentence)).font(.title3)
            LinesView(lines: result.lines, words: words)
            Text(words.of(result.verdict)).font(.headline)
            ForEach(Array(result.reasons.enumerated()), id: \.offset) { Text(words.of($0.element)) }
            Text(words.of(result.judge)).font(.footnote).foregroundStyle(.secondary)
        }
    }
}

/// Figures with their names.
struct LinesView: View {
    let lines: [Line]
    let words: Words

    var body: some View {
        ForEach(Array(lines.enumerated()), id: \.offset) { line in
            LabeledContent(words.of(line.element.label), value: words.of(line.element.value))
                .accessibilityElement(children: .combine)
        }
    }
}
