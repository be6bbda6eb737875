// An empty window of Qt Widgets, as large as Coldscope's: what bench_appimage compares with.
#include <QApplication>
#include <QMainWindow>

int main(int argc, char** argv) {
    QApplication application(argc, argv);
    QMainWindow window;
    window.resize(1440, 900);
    window.show();
    return QApplication::exec();
}
