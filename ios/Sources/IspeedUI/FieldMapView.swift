import Foundation
import IspeedCore
import SwiftUI

/// Borders, cells without a sample and the person, drawn from the phone's own data: no map service learns where somebody measures.
struct FieldMapView: View {
    let map: FieldMap

    private static let dotRadius = 4.0
    private static let nextRadius = 8.0

    var body: some View {
        Canvas { context, size in
            guard let frame = MapFrame(map, size: size) else { return }
            for border in map.borders {
                var line = Path()
                line.addLines(border.map(frame.place))
                context.stroke(line, with: .color(.secondary), lineWidth: 1)
            }
            for dot in map.dots {
                let radius = dot.isNext ? Self.nextRadius : Self.dotRadius
                context.fill(circle(frame.place(dot.at), radius), with: .color(dot.isNext ? .orange : .gray))
            }
            if let here = map.here {
                context.fill(circle(frame.place(here), Self.nextRadius), with: .color(.accentColor))
                context.stroke(circle(frame.place(here), Self.nextRadius), with: .color(.white), lineWidth: 2)
            }
        }
    }

    private func circle(_ centre: CGPoint, _ radius: Double) -> Path {
        Path(ellipseIn: CGRect(x: centre.x - radius, y: centre.y - radius, width: 2 * radius, height: 2 * radius))
    }
}

/// Where points lie in a drawing, north up, one scale for both directions.
private struct MapFrame {
    private static let margin = 12.0

    private let west: Double
    private let north: Double
    private let scale: Double
    private let squeeze: Double

    init?(_ map: FieldMap, size: CGSize) {
        let points = map.borders.flatMap { $0 } + map.dots.map(\.at) + [map.here].compactMap { $0 }
        guard let south = points.map(\.lat).min(), let north = points.map(\.lat).max(), let west = points.map(\.lon).min(),
            let east = points.map(\.lon).max()
        else { return nil }
        self.north = north
        self.west = west
        // A degree of longitude is shorter than one of latitude by the cosine of the latitude.
        squeeze = cos((south + north) / 2 * .pi / 180)
        let least = 0.001
        scale = min(
            (size.width - 2 * Self.margin) / max((east - west) * squeeze, least),
            (size.height - 2 * Self.margin) / max(north - south, least))
    }

    func place(_ point: Point) -> CGPoint {
        CGPoint(x: Self.margin + (point.lon - west) * squeeze * scale, y: Self.margin + (north - point.lat) * scale)
    }
}
