#include "app/views/help.h"

#include "app/style/marks.h"
#include "coldscope_version.h"

#include <QCoreApplication>
#include <QDialog>
#include <QDialogButtonBox>
#include <QGridLayout>
#include <QLabel>
#include <QMessageBox>
#include <QVBoxLayout>
#include <array>

namespace coldscope::app {

namespace {

struct KeyRow {
    const char* keys;
    const char* what;
};

constexpr std::array key_rows{
    KeyRow{"Ctrl+H, Ctrl+Shift+H", QT_TRANSLATE_NOOP("Help", "hold the next miss; hold all")},
    KeyRow{"Ctrl+R, Ctrl+D, Ctrl+E",
           QT_TRANSLATE_NOOP("Help", "release, delay, fail the chosen or the longest waiting")},
    KeyRow{"Ctrl+Shift+R", QT_TRANSLATE_NOOP("Help", "release all, and hold no more")},
    KeyRow{"J, K", QT_TRANSLATE_NOOP("Help", "next and previous request")},
    KeyRow{"Enter", QT_TRANSLATE_NOOP("Help", "zoom to the chosen request")},
    KeyRow{"+, −, Home, End, arrows", QT_TRANSLATE_NOOP("Help", "zoom and pan")},
    KeyRow{"wheel, drag, Shift+drag",
           QT_TRANSLATE_NOOP("Help", "zoom at the pointer, pan, zoom to a span")},
    KeyRow{"Alt+Left, Alt+Right",
           QT_TRANSLATE_NOOP("Help", "back and forward through what was chosen and seen")},
    KeyRow{"Ctrl+F, Ctrl+L", QT_TRANSLATE_NOOP("Help", "find a file; filter the requests")},
    KeyRow{"Ctrl+Shift+O", QT_TRANSLATE_NOOP("Help", "compare the open image with another")},
    KeyRow{"Left, Right", QT_TRANSLATE_NOOP("Help", "through the pieces of a file, in Sharing")},
    KeyRow{"Ctrl+C", QT_TRANSLATE_NOOP("Help", "copy the row, range or text")},
    KeyRow{"F5, Ctrl+F5, Shift+F5", QT_TRANSLATE_NOOP("Help", "start, start again, stop")},
    KeyRow{"Ctrl+T, Ctrl+Shift+T", QT_TRANSLATE_NOOP("Help", "attach to a run, detach")},
};

constexpr int mark_columns = 4;

} // namespace

void show_keys_and_marks(QWidget* parent) {
    QDialog dialog(parent);
    dialog.setWindowTitle(QDialog::tr("Keys and marks"));
    auto* grid = new QGridLayout;
    grid->setHorizontalSpacing(16);
    int row = 0;
    for (const KeyRow& entry : key_rows) {
        grid->addWidget(
            new QLabel(QStringLiteral("<b>%1</b>").arg(QString::fromUtf8(entry.keys)), &dialog),
            row, 0);
        grid->addWidget(new QLabel(QCoreApplication::translate("Help", entry.what), &dialog), row,
                        1);
        ++row;
    }
    grid->setRowMinimumHeight(row++, 12);
    auto* marks = new QGridLayout;
    marks->setHorizontalSpacing(8);
    for (int i = 0; i < mark_columns; ++i)
        marks->setColumnStretch(i * 2 + 1, 1);
    const Theme theme = theme_of(dialog.palette());
    for (int i = 0; i < mark_count; ++i) {
        auto* picture = new QLabel(&dialog);
        picture->setPixmap(mark_icon(static_cast<Mark>(i), theme).pixmap(16, 16));
        marks->addWidget(picture, i / mark_columns, i % mark_columns * 2);
        marks->addWidget(new QLabel(name(static_cast<Mark>(i)), &dialog), i / mark_columns,
                         i % mark_columns * 2 + 1);
    }
    auto* buttons = new QDialogButtonBox(QDialogButtonBox::Close, &dialog);
    QObject::connect(buttons, &QDialogButtonBox::rejected, &dialog, &QDialog::reject);
    auto* column = new QVBoxLayout(&dialog);
    column->addLayout(grid);
    column->addLayout(marks);
    column->addSpacing(8);
    column->addWidget(buttons);
    dialog.exec();
}

void show_about(QWidget* parent) {
    QMessageBox::about(
        parent, QMessageBox::tr("About Coldscope"),
        QMessageBox::tr("<b>Coldscope %1</b><br>An inspector and debugger for on-demand EROFS "
                        "images.<br><br>Licence: GPL-3.0-or-later.")
            .arg(QLatin1String(COLDSCOPE_VERSION)));
}

} // namespace coldscope::app
