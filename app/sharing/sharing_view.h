// The Sharing dock: the open image and others, which pages of their files are in memory once, could
// be, and what stands in the way.
#pragma once

#include "app/sharing/holders_model.h"
#include "app/sharing/sharing_state.h"
#include "app/sharing/usage_model.h"

#include <QTimer>
#include <QWidget>
#include <array>

class QComboBox;
class QLabel;
class QLineEdit;
class QProgressBar;
class QPushButton;
class QSplitter;
class QStackedWidget;
class QTableView;
class QToolButton;
class QTreeView;

namespace coldscope::app {

class ElidedLabel;
class EmptyState;
class ImagesModel;
class Legend;
class UsageChart;

class SharingView final : public QWidget {
    Q_OBJECT

public:
    explicit SharingView(Workspace& workspace, QWidget* parent = nullptr);

    // To those that are looked at.
    void add_image(const QString& path);
    [[nodiscard]] SharingState& state() { return state_; }
    [[nodiscard]] bool settled() const { return !state_.busy() && !files_->picking(); }
    [[nodiscard]] const std::optional<ChosenPiece>& chosen() const { return chosen_; }
    // Where the workspace's run or the user has mounted an image, by its number.
    void set_folder(std::size_t image, const QString& folder);

Q_SIGNALS:
    void image_wanted();                      // one is to be chosen
    void image_dropped(const QString& path);  // a local file
    void folder_wanted(const QString& image); // where that one, by path, is mounted is to be chosen

protected:
    void showEvent(QShowEvent* event) override;
    void changeEvent(QEvent* event) override;
    void resizeEvent(QResizeEvent* event) override;
    bool eventFilter(QObject* object, QEvent* event) override;
    void dragEnterEvent(QDragEnterEvent* event) override;
    void dropEvent(QDropEvent* event) override;

private:
    enum Page : unsigned char { files_page, images_page, usage_page };
    static constexpr std::size_t pages = 3;
    enum UsageOf : unsigned char { all_pages, in_memory, asked_for };

    void build_head();
    void build_files();
    void build_images();
    void build_usage();
    void fit_columns();
    void follow_image(); // the chosen one of the table
    void show_page(int page);
    void show_state();
    void show_side();
    void show_progress();
    void show_files(); // what of them is shown, or why nothing is
    void show_usage();
    [[nodiscard]] const std::vector<sharing::Usage>& usage_of_run(std::size_t open);
    void show_holders();
    void apply_filter();
    void clicked(const QModelIndex& index, double share);
    void choose(const ChosenPiece& piece, bool tell);
    void choose_nothing();
    [[nodiscard]] bool step(int by); // through the pieces of a line
    void follow_selection();
    void tell_selection();
    void copy_path();
    void save_csv();
    [[nodiscard]] QString empty_text() const;

    Workspace& workspace_;
    SharingState state_;
    SharingModel* files_;
    StripDelegate* strips_;
    HoldersModel* holders_;
    UsageModel* usage_;
    ImagesModel* images_;
    std::optional<ChosenPiece> chosen_;

    QWidget* head_;
    std::array<QToolButton*, pages> page_buttons_{};
    QLineEdit* part_;
    QComboBox* with_;
    QToolButton* add_;
    QWidget* running_;
    QProgressBar* progress_;
    QStackedWidget* stack_;
    QSplitter* files_side_;
    QTreeView* tree_;
    EmptyState* empty_;
    QLabel* chosen_text_;
    QTableView* holders_table_;
    EmptyState* no_holders_;
    QTableView* images_table_;
    QToolButton* mounted_;
    QToolButton* remove_;
    QToolButton* scan_;
    QTableView* usage_table_;
    QComboBox* usage_of_;
    ElidedLabel* usage_note_;
    UsageChart* chart_;
    QWidget* sample_bar_;
    Legend* legend_;
    QTimer typing_;
    // What the run asked for.
    struct Asked {
        std::shared_ptr<const Predicted> predicted;
        Row requests = 0; // of the run's
        std::vector<sharing::Usage> usage;
    };
    Asked asked_;
    QTimer asking_;          // until it is looked up anew
    bool following_ = false; // the selection, which is not ours
    bool fitted_ = false;    // columns, to the first lines
    bool fitting_ = false;
    bool sized_ = false;   // columns, by the user
    bool telling_ = false; // others what was chosen here
};

} // namespace coldscope::app
