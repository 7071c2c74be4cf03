; An installer for this user, without administrator's rights:
; makensis -DVERSION=… -DBUNDLE=… -DICON=… -DOUT=… mien.nsi, where BUNDLE is the folder that PyInstaller made.
; Nothing starts by itself: the tray asks before it starts at login. Silent runs (/S) keep what people made.
Target amd64-unicode
!include LogicLib.nsh
!include FileFunc.nsh
Name "Mien ${VERSION}"
OutFile "${OUT}"
Icon "${ICON}"
UninstallIcon "${ICON}"
RequestExecutionLevel user
InstallDir "$LOCALAPPDATA\Programs\Mien"
!ifdef UNCOMPRESSED
SetCompress off
!else
SetCompressor /SOLID lzma
!endif
!define UNINSTALL "Software\Microsoft\Windows\CurrentVersion\Uninstall\Mien"

Page instfiles
UninstPage uninstConfirm
UninstPage instfiles

; End what runs from $INSTDIR and take the program's files away; people's files are elsewhere.
; A file that is still open is asked for again; a silent run ends with 2 instead.
!macro RemoveProgram
  ${If} ${FileExists} "$INSTDIR\mien.exe"
    nsExec::ExecToLog '"$INSTDIR\mien.exe" tray --quit-all'
    Pop $0
    ${Do}
      ClearErrors
      RMDir /r "$INSTDIR\_internal"
      Delete "$INSTDIR\mien.exe"
      Delete "$INSTDIR\mien-tray.exe"
      Delete "$INSTDIR\NOTICES.txt"
      ${IfNot} ${Errors}
        ${ExitDo}
      ${EndIf}
      MessageBox MB_RETRYCANCEL|MB_ICONEXCLAMATION "Some files of Mien are in use. Close what uses them, then try again." /SD IDCANCEL IDRETRY +3
      SetErrorLevel 2
      Abort "Some files of Mien are in use."
    ${Loop}
  ${EndIf}
!macroend

Section
  ; Files of an older version do not stay beside the new ones.
  !insertmacro RemoveProgram
  SetOutPath "$INSTDIR"
  File /r "${BUNDLE}/*"
  WriteUninstaller "$INSTDIR\uninstall.exe"
  CreateShortcut "$SMPROGRAMS\Mien.lnk" "$INSTDIR\mien-tray.exe"
  WriteRegStr HKCU "${UNINSTALL}" "DisplayName" "Mien"
  WriteRegStr HKCU "${UNINSTALL}" "DisplayVersion" "${VERSION}"
  WriteRegStr HKCU "${UNINSTALL}" "DisplayIcon" "$INSTDIR\mien-tray.exe"
  WriteRegStr HKCU "${UNINSTALL}" "InstallLocation" "$INSTDIR"
  WriteRegStr HKCU "${UNINSTALL}" "UninstallString" '"$INSTDIR\uninstall.exe"'
  WriteRegStr HKCU "${UNINSTALL}" "QuietUninstallString" '"$INSTDIR\uninstall.exe" /S'
  ${GetSize} "$INSTDIR" "/S=0K" $0 $1 $2
  WriteRegDWORD HKCU "${UNINSTALL}" "EstimatedSize" $0
  WriteRegDWORD HKCU "${UNINSTALL}" "NoModify" 1
  WriteRegDWORD HKCU "${UNINSTALL}" "NoRepair" 1
SectionEnd

Section "Uninstall"
  nsExec::ExecToLog '"$INSTDIR\mien.exe" tray --start-at-login off'
  Pop $0
  nsExec::ExecToLog '"$INSTDIR\mien.exe" tray --quit-all'
  Pop $0
  MessageBox MB_YESNO|MB_ICONQUESTION "Keep my faces, results, models and settings?$\r$\n$\r$\nThey are in $LOCALAPPDATA\mien." /SD IDYES IDYES keep
  ; The keys are in the system's secret store, which only the program can empty.
  nsExec::ExecToLog '"$INSTDIR\mien.exe" forget-all --yes'
  Pop $0
  RMDir /r "$LOCALAPPDATA\mien"
  keep:
  !insertmacro RemoveProgram
  Delete "$SMPROGRAMS\Mien.lnk"
  Delete "$INSTDIR\uninstall.exe"
  RMDir "$INSTDIR"
  DeleteRegKey HKCU "${UNINSTALL}"
SectionEnd
