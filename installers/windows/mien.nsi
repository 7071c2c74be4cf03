; An installer for this user, without administrator's rights:
; makensis -DVERSION=… -DBUNDLE=… -DOUT=… mien.nsi, where BUNDLE is the folder that PyInstaller made.
; Nothing starts by itself: the tray asks before it starts at login.
Target amd64-unicode
Name "Mien ${VERSION}"
OutFile "${OUT}"
RequestExecutionLevel user
InstallDir "$LOCALAPPDATA\Programs\Mien"
SetCompressor /SOLID lzma
!define UNINSTALL "Software\Microsoft\Windows\CurrentVersion\Uninstall\Mien"

Page instfiles
UninstPage uninstConfirm
UninstPage instfiles

Section
  SetOutPath "$INSTDIR"
  File /r "${BUNDLE}\*"
  WriteUninstaller "$INSTDIR\uninstall.exe"
  CreateShortcut "$SMPROGRAMS\Mien.lnk" "$INSTDIR\mien.exe" "tray" "" "" SW_SHOWMINIMIZED
  WriteRegStr HKCU "${UNINSTALL}" "DisplayName" "Mien"
  WriteRegStr HKCU "${UNINSTALL}" "DisplayVersion" "${VERSION}"
  WriteRegStr HKCU "${UNINSTALL}" "InstallLocation" "$INSTDIR"
  WriteRegStr HKCU "${UNINSTALL}" "UninstallString" '"$INSTDIR\uninstall.exe"'
  WriteRegDWORD HKCU "${UNINSTALL}" "NoModify" 1
  WriteRegDWORD HKCU "${UNINSTALL}" "NoRepair" 1
SectionEnd

Section "Uninstall"
  ; What runs is ended and the logon task removed before the program is; pictures, models and settings stay.
  ExecWait '"$INSTDIR\mien.exe" tray --quit-all'
  ExecWait '"$INSTDIR\mien.exe" tray --start-at-login off'
  Delete "$SMPROGRAMS\Mien.lnk"
  RMDir /r "$INSTDIR"
  DeleteRegKey HKCU "${UNINSTALL}"
SectionEnd
