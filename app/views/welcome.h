// What an empty window says: what can be done here, and which transports work on this machine.
#pragma once

#include "daemon/transport/offer.h"

#include <QWidget>
#include <vector>

class QCommandLinkButton;
class QLabel;
class QVBoxLayout;

namespace coldscope::app {

class TransportLines;

class Welcome final : public QWidget {
    Q_OBJECT

public:
    explicit Welcome(QWidget* parent = nullptr);

    // What works on this machine; looked up by itself when the page has come up.
    void show_offers(const std::vector<Offer>& offers);

    [[nodiscard]] static QStringList recent(); // images, newest first
    static void add_recent(const QString& image);

Q_SIGNALS:
    void open_wanted();
    void image_wanted(const QString& path);
    void demo_wanted();
    void start_wanted();
    void attach_wanted();

protected:
    void showEvent(QShowEvent* event) override;

private:
    QCommandLinkButton* add_act(const char* picture, const QString& text, const QString& what,
                                void (Welcome::*wanted)());
    void fill_recent();

    QVBoxLayout* acts_;
    QVBoxLayout* recent_;
    QCommandLinkButton* demo_;
    TransportLines* transports_;
    QLabel* more_; // how more of them would work
};

} // namespace coldscope::app
